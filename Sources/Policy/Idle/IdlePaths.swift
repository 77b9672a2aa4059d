extension ProcessSection {
  var idleParts: [IdlePart] {
    var parts: [IdlePart] = []
    if allowEntrypoint, defaultAction == .allow {
      parts.append(
        IdlePart(
          "process.allowEntrypoint", IdlePart.doesNothing, "process.defaultAction allows every program",
          "remove it, or write defaultAction: Block"))
    }
    for (index, rule) in rules.enumerated() {
      let fault = executionFault(rule) ?? rule.pathFault
      if let fault { parts.append(fault.part(rule.name("process", index), rule.location)) }
      parts += rule.idleArguments(rule.name("process", index))
    }
    return parts + rules.overruled("process")
  }

  private func executionFault(_ rule: PathRule) -> IdleFault? {
    if rule.isIn("/proc") {
      return IdleFault("the kernel executes no file of /proc", "name the program itself")
    }
    return rule.isIn("/dev") ? newnessFault(of: rule, "/dev") : nil
  }

  /// Why the rule cannot allow anything in a place where every file is new.
  func newnessFault(of rule: PathRule, _ place: String) -> IdleFault? {
    guard newExecutables == .block, !rule.allowNew, rule.strictest != .block else { return nil }
    return IdleFault(
      "every file below \(place) is new, and newExecutables: Block refuses new files",
      "add new: true to the rule", claim: IdlePart.doesNothing)
  }
}

extension FileSection {
  var idleParts: [IdlePart] {
    rules.enumerated().compactMap { index, rule in
      rule.pathFault?.part(rule.name("file", index), rule.location)
    } + rules.overruled("file")
  }
}

/// Why a rule does nothing, and what to write in its place.
struct IdleFault {
  var why: String
  var remedy: String
  var claim: String
  var severity: IdlePart.Severity

  init(
    _ why: String, _ remedy: String, claim: String = IdlePart.matchesNothing,
    severity: IdlePart.Severity = .warning
  ) {
    (self.why, self.remedy, self.claim, self.severity) = (why, remedy, claim, severity)
  }

  func part(_ subject: String, _ location: Location) -> IdlePart {
    var part = IdlePart(subject, at: location, claim, why, remedy)
    part.severity = severity
    return part
  }
}

extension PathRule {
  /// The longest name of a file that Linux knows. limits.h(0p), NAME_MAX.
  package static let nameMaxBytes = 255

  /// Why no file has such a path, whatever the image is.
  fileprivate var pathFault: IdleFault? {
    let names = path.pathNames
    if let long = names.first(where: { $0.utf8.count > Self.nameMaxBytes }) {
      return IdleFault(
        "a name in it has \(long.utf8.count) bytes, and no file's name has more than \(Self.nameMaxBytes)",
        "write the file's name")
    }
    if let name = names.first(where: { Self.isKubeletsFolder($0) }) {
      return IdleFault(
        "the kubelet's folder \(name) is no part of a path", "write the path without it, as the pod sees the volume")
    }
    return linkFault
  }

  /// `..data`, or `..2026_01_31_09_30_00.123456`.
  private static func isKubeletsFolder(_ name: String) -> Bool {
    if name == "..data" || name == "..data_tmp" { return true }
    guard name.hasPrefix("..2"), name.contains(".") else { return false }
    let parts = name.dropFirst(2).split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 2 && parts[0].utf8.count == 19 && parts[0].split(separator: "_").count == 6
      && parts.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") } }
  }

  /// Links that every container has, and that lead to another place for each process.
  private var linkFault: IdleFault? {
    if ["/proc/self", "/proc/thread-self", "/proc/mounts", "/proc/net"].contains(where: isAtOrIn) {
      return IdleFault(
        "this is a link, and the path of the file is /proc/PID/…",
        "write {directory: /proc, recursive: true}, since a rule cannot name every process")
    }
    if ["/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"].contains(where: isAtOrIn) {
      return IdleFault(
        "this is a link to a descriptor of the process that asks, and what is open there has its own path",
        "name the file that is opened, or remove the rule")
    }
    return leadsOutOfProc
      ? IdleFault(
        "what lies there are links, and what they lead to has its own path", "name the file to which the link leads")
      : nil
  }

  /// Whether the rule is about the links by which /proc tells of one process.
  private var leadsOutOfProc: Bool {
    let names = path.pathNames
    guard names.count > 2, names[0] == "proc", names[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return false
    }
    if ["root", "cwd", "exe"].contains(names[2]) { return true }
    return ["fd", "map_files", "ns"].contains(names[2]) && (isDirectory || names.count > 3)
  }

  private func isAtOrIn(_ folder: String) -> Bool { path == folder || isIn(folder) }

  /// Whether everything that the rule can match lies in a folder.
  func isIn(_ folder: String) -> Bool {
    path.utf8.starts(with: "\(folder)/".utf8) || (isDirectory && path == folder)
  }
}

extension [PathRule] {
  /// Rules of the same target of which another one always decides: one that is stricter, or as strict and stands
  /// earlier.
  fileprivate func overruled(_ section: String) -> [IdlePart] {
    var places: [PathRule.Target: [Int]] = [:]
    for (index, rule) in enumerated() {
      var target = rule.target
      target.recursive = false
      places[target, default: []].append(index)
    }
    return indices.compactMap { index in
      var target = self[index].target
      target.recursive = false
      return overruling(index, among: places[target] ?? []).map {
        IdlePart(
          self[index].name(section, index), at: self[index].location, IdlePart.doesNothing,
          "the \(self[$0].action.name) rule at \(self[$0].location) matches the same and decides", "remove one of them")
      }
    }
  }

  private func overruling(_ index: Int, among others: [Int]) -> Int? {
    let rule = self[index]
    let stronger = others.filter { other in
      other != index && (self[other].recursive || !rule.recursive)
        && (self[other].action > rule.action || (self[other].action == rule.action && other < index))
    }
    let covers = rule.access.allSatisfy { access in stronger.contains { self[$0].access.contains(access) } }
    return covers ? stronger.first : nil
  }
}
