import Policy

extension PathRule {
  /// `process.rules[0] Block /bin/id`; of a rule that links add: `… at /usr/bin/id, where links lead`.
  fileprivate func name(_ section: String, _ index: Int, among rules: [PathRule]) -> String {
    guard let origin else { return name(section, index) }
    return "\(rules[origin].name(section, origin)) at \(path), where links lead"
  }
}

/// What a section's path rules say of one path, in words.
struct PathCandidates {
  /// `process` or `file`
  let section: String
  /// As they are written.
  let written: [PathRule]
  /// As they are in force: of the same order.
  let rules: [PathRule]
  let path: [UInt8]
  var access: Access?

  private var matching: [Int] { rules.candidates(path, access: access) }

  func name(_ index: Int) -> String { written[index].name(section, index, among: written) }

  func location(_ index: Int) -> Location { written[index].location }

  /// The same decider, named by the rule that decides here: links may have led another rule to the path.
  func decider(_ decider: Decider, _ decision: Decision) -> Decider {
    guard decision.reason == .rule, let deciding = matching.first else { return decider }
    var named = decider
    named.text = name(deciding)
    return named
  }

  /// Why the first one decides.
  var why: String {
    let matching = matching
    guard let first = matching.first else { return "no rule matches" }
    guard matching.count > 1 else { return "it is the only rule that matches" }
    let (rule, second) = (rules[first], rules[matching[1]])
    if rule.rank != second.rank {
      return rule.isDirectory
        ? "of the directories that hold the path it is the longest" : "an exact path comes before every directory"
    }
    return Self.whyEqual(rule, second)
  }

  private static func whyEqual(_ rule: PathRule, _ second: PathRule) -> String {
    if rule.action != second.action { return "of rules of equal rank Block comes before Audit, and Audit before Allow" }
    return rule.strictest != second.strictest
      ? "of equal rules the one with the stricter argument rules decides" : "of equal rules the first one decides"
  }

  /// All that match.
  var candidates: [Explanation.Candidate] {
    let matching = matching
    return matching.enumerated().map { place, index in
      Explanation.Candidate(
        name(index), location(index), place == 0 ? "the first in rank" : remark(index, behind: matching[0]))
    }
  }

  private func remark(_ index: Int, behind first: Int) -> String {
    let (rule, deciding) = (rules[index], rules[first])
    if rule.rank == deciding.rank { return "matches the same, and comes behind it" }
    return deciding.isDirectory ? "a shorter directory" : "a directory, and an exact path comes before it"
  }

  /// Those that somebody could take for a match.
  var near: [Explanation.Candidate] {
    rules.indices.compactMap { index in
      nearness(rules[index]).map { Explanation.Candidate(name(index), location(index), $0) }
    }
  }

  private func nearness(_ rule: PathRule) -> String? {
    if rule.matches(path) {
      return access.map(rule.access.contains) == false ? "says nothing of \(access!.rawValue)" : nil
    }
    let bytes = rule.matchedBytes
    if rule.isDirectory {
      if bytes.dropLast().elementsEqual(path) { return "means what is in the directory, and not the directory itself" }
      return path.starts(with: bytes) ? "is not recursive, and the path lies deeper" : nil
    }
    if path.starts(with: bytes + [Self.slash]) { return "means that path alone, and nothing below it" }
    return lastName(bytes) == lastName(path) ? "another path; links were resolved before" : nil
  }

  private static let slash = UInt8(ascii: "/")

  private func lastName(_ path: [UInt8]) -> ArraySlice<UInt8>? { path.split(separator: Self.slash).last }
}
