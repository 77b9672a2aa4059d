import CSeccomp
import Glibc
import Policy
import System
import YAML

/// Reads an OCI filter in JSON, with Docker's extensions, from the profiles folder.
struct LocalhostProfile {
  private let file: String

  /// - Parameter reference: where the profile names the file, for errors about the file itself.
  static func read(
    _ name: String, folder: String, reference: Location
  ) throws(SeccompError) -> ConditionalFilter {
    guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0)
    else { throw .refused(reference, "localhostProfile \"\(name)\" is no plain file name; name a file in \(folder)") }
    let path = folder + "/" + name
    let bytes: [UInt8]
    do throws(Errno) { bytes = try read(name, in: folder) } catch { throw .unreadable(reference, error) }
    let root: Node?
    do throws(YAMLError) { root = try Node.parse(bytes, file: path) } catch { throw .malformed(error) }
    guard let root else { throw .refused(Location(file: path, line: 1), "the file is empty") }
    return try LocalhostProfile(file: path).filter(root)
  }

  private static func read(_ name: String, in folder: String) throws(Errno) -> [UInt8] {
    let path = folder + "/" + name
    let directory = try FileDescriptor(open: folder, O_RDONLY | O_DIRECTORY)
    let file = FileDescriptor(
      owning: try call("open \(path) (links may not leave the folder)") {
        stockade_open_beneath(directory.number, name)
      })
    var status = stat()
    try call("stat \(path)") { fstat(file.number, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw Errno(EINVAL, "read \(path) (not a regular file)") }
    var bytes: [UInt8] = []
    while bytes.count <= Node.fileMaxBytes {
      let part: [UInt8]
      do throws(Errno) { part = try file.read(atMost: 65536) } catch { throw Errno(error.code, "read \(path)") }
      if part.isEmpty { break }
      bytes += part
    }
    // One byte too many is read, no more; the parser refuses it with the size.
    return bytes
  }

  private func filter(_ root: Node) throws(SeccompError) -> ConditionalFilter {
    let members = try members(
      root,
      [
        "defaultAction", "defaultErrnoRet", "architectures", "archMap", "flags", "listenerPath", "listenerMetadata",
        "syscalls",
      ])
    guard let action = members["defaultAction"] else { throw refused(root, "defaultAction is missing") }
    for key in ["listenerPath", "listenerMetadata"] where members[key] != nil && members[key]?.text != "" {
      throw refused(members[key] ?? root, "\(key): there is no listener for SCMP_ACT_NOTIFY; remove it")
    }
    var filter = ConditionalFilter(defaultAction: try text(action))
    filter.defaultErrno = try errno(members["defaultErrnoRet"])
    filter.architectures = try texts(members["architectures"])
    filter.architectureMap = try architectureMap(members["archMap"])
    if let map = members["archMap"], !filter.architectures.isEmpty, !filter.architectureMap.isEmpty {
      throw refused(map, "archMap and architectures exclude each other; remove one of them")
    }
    filter.flags = try texts(members["flags"])
    for node in try elements(members["syscalls"]) { filter.rules.append(try rule(node)) }
    return filter
  }

  private func architectureMap(_ node: Node?) throws(SeccompError) -> [ConditionalFilter.ArchitectureRow] {
    var rows: [ConditionalFilter.ArchitectureRow] = []
    for element in try elements(node) {
      let members = try members(element, ["architecture", "subArchitectures"])
      guard let architecture = members["architecture"] else { throw refused(element, "architecture is missing") }
      let row = ConditionalFilter.ArchitectureRow(
        architecture: try text(architecture), compatible: try texts(members["subArchitectures"]))
      for word in [row.architecture] + row.compatible {
        try FilterWords.check(
          word, in: FilterWords.architectures.map(\.key), what: "architecture", at: location(element))
      }
      rows.append(row)
    }
    return rows
  }

  private func rule(_ node: Node) throws(SeccompError) -> ConditionalFilter.Rule {
    let members = try members(
      node, ["names", "name", "action", "errnoRet", "args", "comment", "includes", "excludes"])
    guard let action = members["action"] else { throw refused(node, "the rule has no action") }
    var names = try elements(members["names"])
    if let name = members["name"], name.text != "" {
      guard names.isEmpty else { throw refused(name, "name and names exclude each other; use names") }
      names = [name]
    }
    var words: [String] = []
    for name in names { words.append(try text(name)) }
    var rule = SeccompFilter.Rule(names: words, action: try text(action))
    rule.errnoReturn = try errno(members["errnoRet"])
    rule.location = location(node)
    for argument in try elements(members["args"]) { rule.arguments.append(try self.argument(argument)) }
    try FilterCheck.check(rule, nameLocations: names.map(location), at: location(node))
    return ConditionalFilter.Rule(
      rule: rule, includes: try conditions(members["includes"]), excludes: try conditions(members["excludes"]))
  }

  private func argument(_ node: Node) throws(SeccompError) -> SeccompFilter.Argument {
    let members = try members(node, ["index", "value", "valueTwo", "op"])
    guard let op = members["op"] else { throw refused(node, "the condition has no op") }
    guard let index = UInt32(exactly: try unsigned(members["index"])) else {
      throw refused(node, "the argument index is out of range: 0 to \(SeccompFilter.argumentsMax - 1)")
    }
    return SeccompFilter.Argument(
      index: index, value: try unsigned(members["value"]), valueTwo: try unsigned(members["valueTwo"]),
      op: try text(op))
  }

  private func conditions(_ node: Node?) throws(SeccompError) -> ConditionalFilter.Conditions {
    var conditions = ConditionalFilter.Conditions()
    guard let node else { return conditions }
    let members = try members(node, ["caps", "arches", "minKernel"])
    conditions.capabilities = try texts(members["caps"])
    for word in conditions.capabilities {
      try FilterWords.check(word, in: FilterWords.capabilities, what: "capability", at: location(node))
    }
    conditions.architectures = try texts(members["arches"])
    for word in conditions.architectures {
      try FilterWords.check(word, in: FilterWords.goArchitectures, what: "architecture", at: location(node))
    }
    if let kernel = members["minKernel"], kernel.text != "" {
      // 4.8 unquoted reads as a number, and 4.10 would be 4.1.
      guard let version = KernelVersion(condition: try text(kernel)) else {
        throw refused(kernel, "minKernel is \(kernel.kind); write two numbers in quotes, as \"4.8\"")
      }
      conditions.minimumKernel = version
    }
    return conditions
  }
}

/// Typed reading of nodes; null counts as absent.
extension LocalhostProfile {
  private func location(_ node: Node) -> Location { Location(file: file, line: node.line) }

  private func refused(_ node: Node, _ text: String) -> SeccompError { .refused(location(node), text) }

  private func members(_ node: Node, _ known: [String]) throws(SeccompError) -> [String: Node] {
    guard let entries = node.entries else { throw refused(node, "found \(node.kind), expected an object") }
    var members: [String: Node] = [:]
    for entry in entries {
      let place = Location(file: file, line: entry.line)
      try FilterWords.check(entry.key, in: known, what: "key", at: place)
      if !entry.value.isNull { members[entry.key] = entry.value }
    }
    return members
  }

  private func elements(_ node: Node?) throws(SeccompError) -> [Node] {
    guard let node else { return [] }
    guard let elements = node.elements else { throw refused(node, "found \(node.kind), expected a list") }
    return elements
  }

  private func text(_ node: Node) throws(SeccompError) -> String {
    guard let text = node.text else { throw refused(node, "found \(node.kind), expected a text") }
    return text
  }

  private func texts(_ node: Node?) throws(SeccompError) -> [String] {
    var texts: [String] = []
    for element in try elements(node) { texts.append(try text(element)) }
    return texts
  }

  /// 0 where absent, as in the Go structs that these files are made for.
  private func unsigned(_ node: Node?) throws(SeccompError) -> UInt64 {
    guard let node else { return 0 }
    guard let number = node.unsigned else {
      throw refused(node, "found \(node.kind), expected a whole number from 0 to \(UInt64.max)")
    }
    return number
  }

  private func errno(_ node: Node?) throws(SeccompError) -> UInt32? {
    guard let node else { return nil }
    guard let number = UInt32(exactly: try unsigned(node)) else {
      throw refused(node, "found \(node.kind), expected an errno from 0 to \(FilterAction.errnoMax)")
    }
    return number
  }
}
