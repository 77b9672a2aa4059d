import System
import YAML

/// The text of a profile's file, with only those keys that differ from their defaults.
///
/// The same profile and comments give the same bytes. Parsed again, the text gives the same profile, if the profile is
/// one that a file can hold.
package struct ProfileWriter {
  private let profile: Profile
  /// The profile holds what the bases do not say already.
  private let extends: [String]

  package init(_ profile: Profile, extends: [String] = []) {
    self.profile = profile
    self.extends = extends
  }

  /// - Parameter comments: their places are paths of keys and rules, as in messages: `spec.process.rules[3]`.
  package func text(_ comments: YAMLComments = YAMLComments()) -> String {
    YAMLWriter.text(
      [
        ("apiVersion", .string(ProfileLayer.apiVersion)), ("kind", .string(ProfileLayer.kind)),
        ("metadata", ["name": .string(profile.name)]), ("spec", .object(spec.isEmpty ? mode : spec)),
      ], comments: comments, blocks: ["spec"])
  }

  /// A section that says nothing is an error, so the profile that says nothing names its mode.
  private var mode: [(String, JSON)] { [("mode", .string(profile.mode.rawValue))] }

  private var spec: [(String, JSON)] {
    var spec = profile.mode == .enforce ? [] : mode
    if profile.failurePolicy != .fail { spec.append(("failurePolicy", .string(profile.failurePolicy.rawValue))) }
    if profile.minimumTier != .none { spec.append(("minimumTier", .string(profile.minimumTier.name))) }
    if profile.acceptPartial { spec.append(("acceptPartial", true)) }
    spec.add("extends", extends)
    if profile.requireFilter { spec.append(("requireFilter", true)) }
    spec.add("seccomp", profile.seccomp?.members)
    spec.add("process", profile.process?.members)
    spec.add("file", profile.fileAccess?.members)
    spec.add("network", network)
    spec.add("kernel", kernel)
    return spec
  }

  private var network: [(String, JSON)]? {
    var members: [(String, JSON)] = []
    members.add("egress", profile.network.egress?.members)
    members.add("ingress", profile.network.ingress?.members)
    members.add("bind", profile.network.bind?.ports) { .object($0.members) }
    return members.isEmpty ? nil : members
  }

  private var kernel: [(String, JSON)]? {
    var members: [(String, JSON)] = []
    members.add("block", profile.kernelBlock.map(\.rawValue))
    if let families = profile.socketFamilies {
      members.append(("sockets", .array(SocketFamily.allCases.filter(families.contains).map { .string($0.name) })))
    }
    if let action = profile.otherContainers { members.append(("otherContainers", .string(action.name))) }
    return members.isEmpty ? nil : members
  }
}

extension ProcessSection {
  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = []
    if allowEntrypoint { members.append(("allowEntrypoint", true)) }
    let forUnknown: Action = defaultAction == .block ? .block : .allow
    if newExecutables != forUnknown { members.append(("newExecutables", .string(newExecutables.name))) }
    if fileless != forUnknown { members.append(("fileless", .string(fileless.name))) }
    members.add("rules", rules) { .object($0.members) }
    return defaultAction.members(before: members)
  }
}

extension FileSection {
  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = []
    members.add("rules", rules) { .object($0.members) }
    return defaultAction.members(before: members)
  }
}

extension Action {
  /// A section with this `defaultAction`: the key is left out if it is the default and others say something.
  fileprivate func members(before others: [(String, JSON)]) -> [(String, JSON)] {
    self == .allow && !others.isEmpty ? others : [("defaultAction", .string(name))] + others
  }
}

extension PathRule {
  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = [(isDirectory ? "directory" : "path", .string(path))]
    if recursive { members.append(("recursive", true)) }
    if access.count < Access.allCases.count {
      members.add("access", Access.allCases.filter(access.contains).map(\.rawValue))
    }
    members.append(("action", .string(action.name)))
    if allowNew { members.append(("new", true)) }
    members.add("arguments", arguments) { .object($0.members) }
    members.add("tags", tags)
    return members
  }
}

extension ArgumentRule {
  fileprivate var members: [(String, JSON)] {
    let place = index.map { [("index", JSON.integer(Int64($0)))] } ?? []
    return [(kind.rawValue, .string(text))] + place + [("action", .string(action.name))]
  }
}

extension NetworkDirection {
  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = []
    members.add("rules", rules) { .object($0.members) }
    return defaultAction.members(before: members)
  }
}

extension NetworkRule {
  fileprivate var members: [(String, JSON)] {
    var members: [(String, JSON)] = []
    if let cidr { members.append(("cidr", .string("\(cidr)"))) }
    members.add("except", except.map(\.description))
    members.add("ports", ports) { .object($0.members) }
    members.append(("action", .string(action.name)))
    members.add("tags", tags)
    return members
  }
}

extension PortRule {
  fileprivate var members: [(String, JSON)] {
    if first == 0, last == .max { return [("protocol", .string(transport.rawValue))] }
    var members: [(String, JSON)] = transport == .tcp ? [] : [("protocol", .string(transport.rawValue))]
    members.append(("port", .integer(Int64(first))))
    if last != first { members.append(("endPort", .integer(Int64(last)))) }
    return members
  }
}

extension [(String, JSON)] {
  mutating func add(_ key: String, _ members: [(String, JSON)]?) {
    if let members { append((key, .object(members))) }
  }

  mutating func add(_ key: String, _ texts: [String]) { add(key, texts) { .string($0) } }

  /// A list; one without elements is left out.
  mutating func add<Value>(_ key: String, _ elements: [Value]?, _ written: (Value) -> JSON) {
    if let elements, !elements.isEmpty { append((key, .array(elements.map(written)))) }
  }
}
