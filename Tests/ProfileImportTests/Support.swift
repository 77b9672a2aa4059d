import Policy
import ProfileImport
import Seccomp
import System
import YAML

/// The policies that are imported here, each with what is expected of it in a file beside it.
enum Policies {
  static let folder = #filePath.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/Policies"
  static let names = try! Files.names(in: folder).filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".json") }

  static func bytes(_ name: String) throws -> [UInt8] { try Files.read("\(folder)/\(name)") }
}

let environment = SeccompEnvironment(architecture: .x86_64, kernel: KernelVersion(6, 12))

func imported(_ text: String, name: String = "p.yaml", _ options: ImportOptions = ImportOptions()) -> ProfileImport {
  ProfileImport([(name, Array(text.utf8))], options, environment)
}

func imported(file name: String, _ options: ImportOptions = ImportOptions()) throws -> ProfileImport {
  ProfileImport([(name, try Policies.bytes(name))], options, environment)
}

/// A KubeArmorPolicy around `spec`, whose first line is line 4.
func kubeArmor(_ spec: String) -> String {
  "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicy\nmetadata: {name: p}\n\(spec)\n"
}

extension ProfileImport {
  /// What the command prints and writes.
  var whole: String { "\(report)status \(status)\n" + profiles.map { "== \($0.name).yaml\n\($0.text)" }.joined() }
}

/// The profile as a node reads it.
func parsed(_ profile: ImportedProfile) throws -> Profile {
  let layer = try ProfileLayer.parse(Array(profile.text.utf8), file: "\(profile.name).yaml")
  return try ProfileResolver(layers: [:], lookedIn: ".").resolve(layer)
}
