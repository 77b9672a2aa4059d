import Glibc
import Policy
import System
import YAML

/// Reads an OCI filter in JSON, with Docker's and Podman's extensions, from the profiles folder.
struct LocalhostProfile {
  let file: String
  let faults = Faults()

  private init(file: String) { self.file = file }

  /// - Parameter reference: where the profile names the file, for errors about the file itself.
  static func read(
    _ name: String, folder: String, reference: Location
  ) throws(SeccompError) -> ConditionalFilter {
    guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0)
    else { throw .refused(reference, "localhostProfile \"\(name)\" is no plain file name; name a file in \(folder)") }
    let path = folder + "/" + name
    let bytes: [UInt8]
    do { bytes = try read(name, in: folder) } catch { throw .unreadable(reference, error) }
    let root: Node?
    do { root = try Node.parseJSON(bytes, file: path) } catch { throw .malformed(error) }
    guard let root else { throw .refused(Location(file: path, line: 1), "the file is empty") }
    return try read(root, file: path)
  }

  /// - Parameter file: for the places of the rules.
  static func read(_ root: Node, file: String) throws(SeccompError) -> ConditionalFilter {
    try LocalhostProfile(file: file).filter(root)
  }

  private static func read(_ name: String, in folder: String) throws(Errno) -> [UInt8] {
    let path = folder + "/" + name
    let directory = try FileDescriptor(open: folder, O_RDONLY | O_DIRECTORY)
    let file: FileDescriptor
    do { file = try FileSystem.open(name, beneath: directory) } catch {
      throw Errno(error.code, "open \(path) (links may not leave the folder)")
    }
    var status = stat()
    try call("stat \(path)") { fstat(file.number, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw Errno(EINVAL, "read \(path) (not a regular file)") }
    var bytes: [UInt8] = []
    while bytes.count <= Node.fileMaxBytes {
      let part: [UInt8]
      do { part = try file.read(atMost: 65536) } catch { throw Errno(error.code, "read \(path)") }
      if part.isEmpty { break }
      bytes += part
    }
    // At most one byte too many is read. The parser refuses such a file, and names the size.
    return bytes
  }

  private func filter(_ root: Node) throws(SeccompError) -> ConditionalFilter {
    let filter = read(root)
    try faults.check()
    return filter
  }

  private func read(_ root: Node) -> ConditionalFilter {
    let members = members(
      root,
      [
        "defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "flags", "listenerPath",
        "listenerMetadata", "syscalls", "comment",
      ])
    for key in ["listenerPath", "listenerMetadata"] {
      guard let node = members[key], node.text != "" else { continue }
      faults.note(location(node), "\(key) is left out: it is for SCMP_ACT_NOTIFY")
    }
    let head = head(members, root)
    var filter = ConditionalFilter(defaultAction: head.defaultAction)
    filter.defaultErrno = head.defaultErrno
    (filter.architectures, filter.flags) = (head.architectures, head.flags)
    filter.architectureMap = elements(members["archMap"]).compactMap(architectureRow)
    if let map = members["archMap"], !filter.architectures.isEmpty, !filter.architectureMap.isEmpty {
      refuse(map, "archMap and architectures exclude each other; remove one of them")
    }
    filter.rules = elements(members["syscalls"]).enumerated().compactMap { index, node in
      var found = rule(node)
      found?.rule.index = index
      return found
    }
    filter.notes = faults.notes
    return filter
  }

  /// What stands beside the rules. Its words are checked.
  private func head(_ members: Members, _ root: Node) -> SeccompFilter {
    let action = required("defaultAction", members, "defaultAction is missing")
    var head = SeccompFilter(defaultAction: action?.text ?? "")
    head.lines.defaultAction = members["defaultAction"]?.line
    head.defaultErrno = errno(members, "defaultErrnoRet", "defaultErrno", of: action?.text)
    (head.architectures, head.lines.architectures) = texts(members["architectures"])
    (head.flags, head.lines.flags) = texts(members["flags"])
    // If there is no default, its word is not checked.
    if action == nil { head.defaultAction = "SCMP_ACT_ERRNO" }
    FilterCheck.checkHead(head, at: location(root), faults)
    return head
  }

  private func architectureRow(_ node: Node) -> ConditionalFilter.ArchitectureRow? {
    let members = members(node, ["architecture", "subArchitectures"])
    guard let architecture = required("architecture", members, "architecture is missing") else { return nil }
    let compatible = texts(members["subArchitectures"])
    let known = FilterWords.architectures.map(\.key)
    check([architecture.text], [architecture.line], in: known, what: "architecture")
    check(compatible.texts, compatible.lines, in: known, what: "architecture")
    return .init(architecture: architecture.text, compatible: compatible.texts)
  }

  private func rule(_ node: Node) -> ConditionalFilter.Rule? {
    let before = faults.count
    let members = members(
      node, ["names", "name", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"])
    guard members.isMapping else { return nil }
    var names = texts(members["names"])
    if let name = members["name"], name.text != "" {
      if !names.texts.isEmpty { refuse(name, "name and names exclude each other; use names") }
      if let text = text(name) { names = ([text], [name.line]) }
    }
    let action = required("action", members, "the rule has no action")
    var rule = SeccompFilter.Rule(names: names.texts, action: action?.text ?? "SCMP_ACT_ALLOW")
    rule.location = location(node)
    (rule.lines.names, rule.lines.action) = (names.lines, action?.line)
    rule.errnoReturn = errno(members, "errnoRet", "errno", of: action?.text)
    for element in elements(members["args"]) {
      guard let argument = argument(element) else { continue }
      rule.arguments.append(argument)
      rule.lines.arguments.append(element.line)
    }
    // A missing part is not reported again if the rule has other faults already.
    FilterCheck.check(rule, at: location(node), faults, mayBeEmpty: faults.count > before)
    return ConditionalFilter.Rule(
      rule: rule, includes: conditions(members["includes"]), excludes: conditions(members["excludes"]))
  }

  private func argument(_ node: Node) -> SeccompFilter.Argument? {
    let members = members(node, ["index", "value", "valueTwo", "op"])
    let op = required("op", members, "the condition has no op")
    let (index, value, second) = (
      unsigned(members["index"]), unsigned(members["value"]), unsigned(members["valueTwo"])
    )
    guard let op, let index, let value, let second else { return nil }
    guard let index = UInt32(exactly: index) else {
      refuse(node, "the argument index is out of range: 0 to \(SeccompFilter.argumentsMax - 1)")
      return nil
    }
    return SeccompFilter.Argument(index: index, value: value, valueTwo: second, op: op.text)
  }

  private func conditions(_ node: Node?) -> ConditionalFilter.Conditions {
    var conditions = ConditionalFilter.Conditions()
    guard let node else { return conditions }
    let members = members(node, ["caps", "arches", "minKernel"])
    let (capabilities, architectures) = (texts(members["caps"]), texts(members["arches"]))
    check(capabilities.texts, capabilities.lines, in: FilterWords.capabilities, what: "capability")
    check(architectures.texts, architectures.lines, in: FilterWords.goArchitectures, what: "architecture")
    (conditions.capabilities, conditions.architectures) = (capabilities.texts, architectures.texts)
    if let kernel = members["minKernel"], kernel.text != "", let text = text(kernel) {
      // Without quotes, 4.8 is read as a number, and 4.10 would be 4.1.
      conditions.minimumKernel = KernelVersion(condition: text)
      if conditions.minimumKernel == nil {
        refuse(kernel, "minKernel is \(found(kernel)); write two numbers in quotes, as \"4.8\"")
      }
    }
    return conditions
  }
}
