import Policy
import YAML

/// Rules about paths as they are found. Each access to a path is decided once: the strictest of several rules holds.
struct PathRuleList {
  private struct Target: Hashable {
    var path: [UInt8]
    var isDirectory: Bool
    var recursive: Bool

    /// The folders' rules that are about all that this one is about.
    var around: [Target] {
      let slash = UInt8(ascii: "/")
      let ends = path.indices.filter { path[$0] == slash }
      var around = ends.map { Target(path: $0 == 0 ? [slash] : Array(path[..<$0]), isDirectory: true, recursive: true) }
      if !isDirectory, let parent = around.last { around.append(Target(path: parent.path, isDirectory: true)) }
      if isDirectory, !recursive { around.append(Target(path: path, isDirectory: true, recursive: true)) }
      return around.filter { $0 != self }
    }

    init(path: [UInt8], isDirectory: Bool, recursive: Bool = false) {
      (self.path, self.isDirectory, self.recursive) = (path, isDirectory, recursive)
    }
  }

  private typealias Entry = DraftRule<PathRule>

  private var order: [Target] = []
  private var entries: [Target: [Access: Entry]] = [:]

  var isEmpty: Bool { order.isEmpty }

  /// - Parameters:
  ///   - place: where the rule stands in the document.
  ///   - isRemainder: it blocks only what an Allow rule does not name.
  mutating func add(
    _ rule: PathRule, comment: String? = nil, isRemainder: Bool = false, _ place: String, _ notes: ImportNotes
  ) {
    let target = Target(path: Array(rule.path.utf8), isDirectory: rule.isDirectory, recursive: rule.recursive)
    var entry = Entry(rule, comment, place)
    entry.isRemainder = isRemainder
    if entries[target] == nil { order.append(target) }
    for access in Access.allCases where rule.access.contains(access) {
      if entries[target]?[access] == nil {
        entries[target, default: [:]][access] = entry
      } else {
        entries[target]?[access]?.join(entry, quoted(rule.path), notes)
      }
    }
  }

  /// Leaves out each rule that is milder than one about a folder around it. In a profile the most specific rule
  /// decides. Elsewhere the strictest one may.
  mutating func leaveOutMilder(_ notes: ImportNotes) {
    let all = entries
    leaveOut { target, access, entry in
      let around = target.around.compactMap { all[$0]?[access] }.filter { !$0.isRemainder }.map(\.rule)
      let outer = around.max { $0.action < $1.action }
      return outer.flatMap { $0.action > entry.rule.action ? $0 : nil }
    } tell: { entry, name, outer in
      entry.leaveOut(name, within: outer, quoted(outer.path), notes)
    }
  }

  /// Leaves out each Audit rule about what no rule allows.
  mutating func leaveOutOfAllowList(_ notes: ImportNotes) {
    let all = entries
    leaveOut { target, access, entry -> Void? in
      let isAllowed = entry.isAllowed || target.around.contains { all[$0]?[access]?.isAllowed == true }
      return entry.rule.action == .audit && !isAllowed ? () : nil
    } tell: { entry, name, _ in
      entry.leaveOutOfAllowList(name, notes)
    }
  }

  /// - Parameters:
  ///   - reason: nil: the entry is kept.
  ///   - tell: gets a name of what is left out: `"/a"`, or `Write of "/a"` if something else is kept.
  private mutating func leaveOut<Reason>(
    _ reason: (Target, Access, Entry) -> Reason?, tell: (Entry, _ name: String, Reason) -> Void
  ) {
    for target in order {
      let found = entries[target] ?? [:]
      let isWhole = found.allSatisfy { reason(target, $0.key, $0.value) != nil }
      for access in Access.allCases {
        guard let entry = found[access], let reason = reason(target, access, entry) else { continue }
        let path = quoted(entry.rule.path)
        tell(entry, isWhole ? path : "\(access.rawValue) of \(path)", reason)
        entries[target]?[access] = nil
      }
    }
  }

  /// The rules, each with its comment.
  var rules: [(rule: PathRule, comment: String?)] {
    order.flatMap { target -> [(rule: PathRule, comment: String?)] in
      let found = entries[target] ?? [:]
      let both = Access.allCases.compactMap { access in found[access].map { (access, $0) } }
      guard both.count == 2, both[0].1.saysTheSame(as: both[1].1) else {
        return both.map { access, entry in
          var rule = entry.rule
          rule.access = [access]
          return (rule, entry.comment)
        }
      }
      var rule = both[0].1.rule
      rule.access = Set(Access.allCases)
      return [(rule, both[0].1.comment)]
    }
  }
}

extension DraftRule {
  fileprivate func saysTheSame(as other: Self) -> Bool {
    rule.action == other.rule.action && rule.tags == other.rule.tags && comment == other.comment
  }
}
