import Glibc
import System
import Testing

@testable import Try

/// The program as it was built beside the tests, for what needs the real plugin, or a process in which only `try` has
/// threads.
let builtProgram: String? = {
  guard let tests = try? Files.link(at: "/proc/self/exe"), let slash = tests.lastIndex(of: "/") else { return nil }
  let program = tests[..<slash] + "/stockade"
  return Files.exists(String(program)) ? String(program) : nil
}()

let demoProfile = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/hack/demo.d/demo.yaml"

/// What a whole run of the built program came to.
struct Finished {
  var status: Int32
  var output: String
  var error: String

  /// - Parameter command: its first word; nil: `arguments` begin with it.
  init(_ arguments: [String], command: String? = "try") throws {
    try self.init(program: try #require(builtProgram), [command].compactMap(\.self) + arguments)
  }

  init(program: String, _ arguments: [String]) throws {
    let files = try TemporaryFolder()
    let output = try FileDescriptor(open: files.path + "/output", O_WRONLY | O_CREAT)
    let error = try FileDescriptor(open: files.path + "/error", O_WRONLY | O_CREAT)
    status = try Program.run([program] + arguments, output: output.number, error: error.number)
    self.output = try Files.text(files.path + "/output")
    self.error = try Files.text(files.path + "/error")
  }
}
