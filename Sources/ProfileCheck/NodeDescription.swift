import Enforcement
import Policy
import Seccomp
import YAML

/// What `--node` says about a node: `tier=lsm,cgroup=v2,containerd=2.3`. Each part is optional.
package struct NodeDescription: Equatable, Sendable {
  package var tier: Tier?
  package var cgroup: CgroupHierarchy.Layout?
  package var containerd: ContainerdVersion?

  package init() {}

  package static func parse(_ text: String) throws(NodeDescriptionError) -> NodeDescription {
    var description = NodeDescription()
    var seen: Set<String> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard words.count == 2, !words[1].isEmpty else { throw NodeDescriptionError(Self.notAPart(String(part))) }
      guard seen.insert(words[0]).inserted else { throw NodeDescriptionError("\(words[0]) is given twice") }
      try description.set(words[0], words[1])
    }
    return description
  }

  private static let keys = ["tier", "cgroup", "containerd"]

  private static func notAPart(_ part: String) -> String {
    "\(quoted(part)) is no part of a node; write for example tier=lsm,cgroup=v2,containerd=2.3"
  }

  private mutating func set(_ key: String, _ value: String) throws(NodeDescriptionError) {
    switch key {
    case "tier": tier = try Self.word(value, key, Tier.allCases, \.name)
    case "cgroup": cgroup = try Self.word(value, key, CgroupHierarchy.Layout.allCases, \.rawValue)
    case "containerd":
      guard let version = ContainerdVersion(value) else {
        throw NodeDescriptionError("containerd is \(quoted(value)); write its version, for example 2.3")
      }
      containerd = version
    default:
      let advice = Suggestion.advice(
        for: key, among: Self.keys, otherwise: "a node has tier, cgroup and containerd")
      throw NodeDescriptionError("unknown part \(quoted(key))\(advice)")
    }
  }

  private static func word<Value>(
    _ text: String, _ key: String, _ values: [Value], _ name: (Value) -> String
  ) throws(NodeDescriptionError) -> Value {
    if let value = values.first(where: { name($0) == text }) { return value }
    let words = values.map(name)
    let advice = Suggestion.advice(for: text, among: words, otherwise: "write \(words.joined(separator: ", "))")
    throw NodeDescriptionError("\(key) is \(quoted(text))\(advice)")
  }
}

/// Why a text describes no node.
package struct NodeDescriptionError: Error, Equatable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}

/// The version of a release. It only matters which filters that release carries.
package struct ContainerdVersion: Equatable, Comparable, Sendable, CustomStringConvertible {
  /// The first version that takes a plugin's filter, without an errno of its own.
  static let firstWithFilters = ContainerdVersion(2, 2)
  /// The first version with NRI 0.12, which carries filters whole.
  static let firstWithErrno = ContainerdVersion(2, 3)

  private let major, minor: Int

  init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }

  /// `2.3`, `v2.3`, `2.3.4`
  init?(_ text: String) {
    let numbers = (text.hasPrefix("v") ? text.dropFirst() : text[...]).split(
      separator: ".", omittingEmptySubsequences: false)
    guard (2...3).contains(numbers.count), numbers.allSatisfy({ UInt16($0) != nil && !$0.hasPrefix("+") }),
      let major = Int(numbers[0]), let minor = Int(numbers[1])
    else { return nil }
    self.init(major, minor)
  }

  package var description: String { "\(major).\(minor)" }

  package static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }

  var support: SeccompSupport {
    if self >= Self.firstWithErrno { return .full }
    return self >= Self.firstWithFilters ? .withoutErrno : .ignored(by: "containerd \(self)")
  }
}
