import Policy
import System

/// Objects of OCSF that several classes have.
enum OCSFObject {
  static func device(_ node: String) -> JSON { ["hostname": .string(node), "type_id": 0, "type": "Unknown"] }

  static func user(_ uid: UInt32) -> JSON { ["uid": .string("\(uid)")] }

  /// nil: the process is in none of the pod's containers.
  static func container(_ subject: Subject?) -> JSON? {
    guard let subject, !subject.containerID.isEmpty || !subject.containerName.isEmpty else { return nil }
    var members = entity(subject.containerID, subject.containerName)
    if !subject.image.isEmpty {
      // OCSF wants an id. A name is one where there is no better one.
      members.append(
        ("image", ["uid": .string(subject.imageDigest ?? subject.image), "name": .string(subject.image)]))
    }
    if isUUID(subject.podUID) { members.append(("pod_uuid", .string(subject.podUID))) }
    if !subject.podNamespace.isEmpty { members.append(("orchestrator", "kubernetes")) }
    if !subject.labels.isEmpty {
      members.append(("labels", .array(subject.labels.map { .string("\($0.name)=\($0.value)") })))
    }
    return .object(members)
  }

  /// `uid` and `name`, as far as they are known.
  static func entity(_ id: String, _ name: String) -> [(String, JSON)] {
    [("uid", id), ("name", name)].filter { !$0.1.isEmpty }.map { ($0.0, .string($0.1)) }
  }

  static func file(_ path: String?, type: FileType = .unknown) -> JSON {
    guard let path else { return ["name": "", "type_id": .integer(type.rawValue)] }
    return ["name": .string(name(of: path)), "path": .string(path), "type_id": .integer(type.rawValue)]
  }

  enum FileType: Int64 { case unknown = 0, regular }

  static func name(of path: String) -> String {
    path.parts(between: "/").last.map(String.init) ?? path
  }

  /// Arguments as a shell reads them, so that nobody takes one for two.
  static func commandLine(_ arguments: [String]) -> String {
    arguments.map { argument in
      let isPlain = !argument.isEmpty && argument.unicodeScalars.allSatisfy(isPlain)
      return isPlain ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9": true
    default: "@%+=:,./-_".unicodeScalars.contains(scalar)
    }
  }

  /// What `attacks` says of a tag: `T1059` is a technique of ATT&CK, `T1059.004` a part of one, `TA0002` a tactic. nil:
  /// the tag is none of these.
  static func attack(_ tag: String) -> JSON? {
    let parts = tag.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count == 1, isNumbered(parts[0], "TA", digits: 4) { return ["tactic": ["uid": .string(tag)]] }
    guard isNumbered(parts[0], "T", digits: 4) else { return nil }
    let technique: JSON = ["uid": .string(String(parts[0]))]
    if parts.count == 1 { return ["technique": technique] }
    guard parts.count == 2, isNumbered(parts[1], "", digits: 3) else { return nil }
    return ["technique": technique, "sub_technique": ["uid": .string(tag)]]
  }

  private static func isNumbered(_ text: Substring, _ prefix: String, digits count: Int) -> Bool {
    text.utf8.count == prefix.utf8.count + count && text.utf8.starts(with: prefix.utf8)
      && text.utf8.suffix(count).allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
  }

  /// The kubelet gives a static pod another id, which OCSF does not take.
  private static func isUUID(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    return parts.map(\.count) == [8, 4, 4, 4, 12]
      && parts.joined().allSatisfy { byte in
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte | 0x20
      }
  }
}
