import Policy

/// What becomes of an operation, and why.
package struct Explanation: Equatable, Sendable {
  /// The operation in words.
  package var operation = ""
  package var profile = ""
  /// All that has a say, in the order in which the kernel asks. The first one that stops the operation is what the
  /// caller sees.
  package var steps: [Step] = []
  /// What is worth knowing beside that.
  package var notes: [String] = []

  package init() {}

  /// What one part of the profile says.
  package struct Step: Equatable, Sendable {
    /// What is judged: `exec of /bin/sh`.
    package var subject = ""
    /// What holds, after `mode` and temporary audits.
    package var action = Action.allow
    /// What the caller sees: `EACCES`.
    package var effect = ""
    /// What decides: `process.rules[2] Block /bin/sh`.
    package var decider = ""
    /// nil: the decider has no line of its own.
    package var location: Location?
    package var why = ""
    /// The rules that match, in the order of their rank.
    package var candidates: [Candidate] = []
    /// Rules that do not match, and that somebody could take for a match.
    package var near: [Candidate] = []
    package var coverage = Coverage.whole
    /// What enforces it: `tier lsm`. Empty: nothing does, or it is not known.
    package var enforcer = ""
    /// Why it is not enforced whole. Empty: it is, or it is not known.
    package var gap = ""

    package init() {}

    /// Whether the operation goes no further here.
    package var stops: Bool { action == .block && coverage != .none }
  }

  /// A rule beside the deciding one, in a line.
  package struct Candidate: Equatable, Sendable {
    package var rule = ""
    package var location: Location?
    package var remark = ""

    package init() {}

    package init(_ rule: String, _ location: Location?, _ remark: String) {
      (self.rule, self.location, self.remark) = (rule, location, remark)
    }
  }

  /// How much of it the node enforces.
  package enum Coverage: String, CaseIterable, Sendable {
    case whole, partial, none
    /// The node's tier is not known.
    case unknown
  }

  /// The step that the caller notices: the first that stops the operation, or else the strictest.
  package var deciding: Step? {
    let strictest = steps.map(\.action).max()
    return steps.first(where: \.stops) ?? steps.first { $0.action == strictest }
  }

  /// Whether the operation is stopped, as far as that is known.
  package var isStopped: Bool { steps.contains(where: \.stops) }

  /// What the profile says of the operation as a whole.
  package var action: Action { steps.map(\.action).max() ?? .allow }
}

extension Explanation {
  /// Of each list: a profile may have thousands of rules.
  package static let listMax = 20

  /// The beginning of a list, and how much of it is left out.
  static func cut(_ list: [Candidate]) -> [Candidate] {
    guard list.count > listMax else { return list }
    return list.prefix(listMax) + [Candidate("\(list.count - listMax) more", nil, "")]
  }
}
