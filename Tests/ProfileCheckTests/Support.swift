import Enforcement
import Glibc
import Policy
import Seccomp
import System
import Testing

@testable import ProfileCheck

/// The top of the package.
let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

let environment = SeccompEnvironment(architecture: .x86_64, kernel: KernelVersion(6, 12))

/// The node that `--node` describes; what it leaves open is a node with tier signal and `layout`.
func node(
  _ text: String = "tier=lsm,cgroup=v2,containerd=2.3", isRoot: Bool = true,
  layout: CgroupHierarchy.Layout = .v2,
  probe: @escaping () throws -> NodeCapabilities = { NodeCapabilities(tier: .signal) }
) throws -> JudgedNode {
  let description = text.isEmpty ? NodeDescription() : try NodeDescription.parse(text)
  return JudgedNode(description, .init(isRoot: isRoot, cgroup: { layout }, probe: probe))
}

func checked(_ paths: [String], on node: JudgedNode? = nil, input: String = "") throws -> [CheckedFile] {
  var check = ProfileCheck(
    node: try node ?? ProfileCheckTests.node(), environment: environment,
    readStandardInput: { () throws(Errno) in Array(input.utf8) })
  return check.check(paths)
}

/// A file of profile `name` around `spec`, whose first line is line 5.
func profile(_ spec: String, name: String = "p") -> String {
  "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: \(name)}\nspec:\n"
    + spec.split(separator: "\n").map { "  \($0)\n" }.joined()
}

/// A folder of files that goes with the value.
final class Folder {
  let path: String

  init(_ files: [String: String]) throws {
    var template = Array("/tmp/stockade-check-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
    for (name, text) in files { try Files.write(text, to: "\(path)/\(name)") }
  }

  deinit {
    for name in (try? Files.names(in: path)) ?? [] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}

extension [CheckedFile] {
  /// `web.yaml:5: error: …` without the folder.
  func lines(in folder: String) -> [String] {
    flatMap(\.findings).map { finding in
      let place = finding.line.map { "\(finding.file):\($0)" } ?? finding.file
      return "\(place): \(finding.severity.rawValue): \(finding.message)".replacing(folder + "/", with: "")
    }
  }
}
