import Glibc
import System
import Testing

@testable import Try

@Suite(
  "recordings of try", .serialized,
  .enabled(if: canRunContainers && builtProgram != nil, "needs root, runc, busybox-static"))
struct RecordTests {
  private let files: TemporaryFolder
  private var path: String { files.path + "/recording.json" }

  init() throws { files = try TemporaryFolder() }

  private func record(_ options: [String] = [], _ script: String) throws -> (run: Finished, text: String) {
    let run = try Finished(["--record", path] + options + ["--", "/bin/sh", "-c", script])
    return (run, (try? Files.text(path)) ?? "")
  }

  /// The lines of a part's facts.
  private func facts(_ text: String, _ word: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingPrefix(while: { $0 == " " }).description }
      .filter { $0.contains(word) && $0.hasPrefix("{") }
  }

  @Test("what a command executes and connects to is in the file, with how often, for root alone")
  func whole() throws {
    let script = "for i in 1 2 3; do /usr/bin/id; done; nc -l -p 80 & sleep 1; echo | nc 127.0.0.1 80; wait"
    let (run, text) = try record([], script)
    #expect(run.status == 0 && run.error.contains("stockade try: recorded in \(path): programs "))
    #expect(!run.error.contains("audited"), "what is only recorded is no event")
    #expect(facts(text, "/usr/bin/id").count == 1 && facts(text, "/usr/bin/id").first?.contains("\"count\":3") == true)
    #expect(facts(text, "\"entrypoint\":true").count == 1)
    #expect(facts(text, "\"egress\"").first?.contains("127.0.0.1") == true)
    #expect(facts(text, "SCMP_ARCH_").contains { $0.contains("\"execve\"") })
    #expect(try Files.status(path).st_mode & 0o777 == 0o600)
  }

  @Test("what the profile blocks is blocked, told, and not in the file")
  func blocked() throws {
    let profile = files.path + "/web.yaml"
    try Files.write(
      """
      apiVersion: stockade.dev/v1alpha1
      kind: SecurityProfile
      metadata: {name: web}
      spec: {acceptPartial: true, process: {rules: [{path: /usr/bin/id, action: Block}]}}

      """, to: profile)
    let (run, text) = try record(["--profile", profile], "/usr/bin/id; /bin/true")
    #expect(run.output == "" && run.error.contains("exec /usr/bin/id"))
    #expect(facts(text, "/usr/bin/id").isEmpty && facts(text, "/bin/true").count == 1)
  }

  @Test("the file is written when the command fails or is killed", arguments: [["exit 3"], ["sleep 60"]])
  func failed(_ script: [String]) throws {
    let (run, text) = try record(["--timeout", "2"], script[0])
    #expect(run.status != 0 && facts(text, "\"entrypoint\":true").count == 1)
  }

  @Test("all runs of a series are one recording")
  func series() throws {
    let (_, text) = try record(["--repeat", "10"], "/bin/true; /bin/true")
    #expect(facts(text, "/bin/true").first?.contains("\"count\":20") == true)
  }

  @Test("a file that cannot be written ends the run with 125, and says so")
  func unwritable() throws {
    let run = try Finished(["--record", "/nonexistent/r.json", "--", "/bin/true"])
    #expect(run.status == ExitStatus.notStarted && run.error.contains("/nonexistent/r.json"))
  }
}
