import Compilation
import Explanation
import Policy
import Seccomp

/// Something of which two profiles do not say the same.
package struct Difference: Equatable, Sendable {
  /// What one profile says of it.
  package struct Side: Hashable, Sendable {
    /// `allows`
    package var says: String
    /// How much it lets through: more is greater.
    package var laxity: Int
    package var decider: Decider

    package init(_ says: String, laxity: Int, _ decider: Decider) {
      (self.says, self.laxity, self.decider) = (says, laxity, decider)
    }

    package init(_ action: Action, _ decider: Decider) {
      switch action {
      case .allow: self.init("allows", laxity: 2, decider)
      case .audit: self.init("only audits", laxity: 1, decider)
      case .block: self.init("blocks", laxity: 0, decider)
      }
    }
  }

  /// The part of the profiles: `process`
  package var section: String
  /// `exec of /usr/bin/x`
  package var subject: String
  package var a: Side
  package var b: Side

  package init(_ section: String, _ subject: String, _ a: Side, _ b: Side) {
    (self.section, self.subject, self.a, self.b) = (section, subject, a, b)
  }

  /// What is told first: what B lets that A does not, then the reverse, then the rest.
  package var kind: Kind { b.laxity > a.laxity ? .bLetsMore : a.laxity > b.laxity ? .aLetsMore : .other }

  package enum Kind: Int, CaseIterable, Sendable { case bLetsMore, aLetsMore, other }
}

/// What two profiles say differently.
package struct Comparison: Equatable, Sendable {
  package struct Named: Equatable, Sendable {
    package var file: String
    package var profile: String
  }

  package var a: Named
  package var b: Named
  /// In the order of their kinds, and of the sections.
  package var differences: [Difference]
  /// What could not be compared wholly.
  package var notes: [String]

  package init(_ a: ComparedProfile, _ b: ComparedProfile) {
    self.a = Named(file: a.profile.file, profile: a.profile.name)
    self.b = Named(file: b.profile.file, profile: b.profile.name)
    var processes = ProcessComparison(a.profile, b.profile)
    let found: [[Difference]] = [
      settingDifferences(a.profile, b.profile), filterDifferences(a, b), processes.differences(),
      FileComparison(a.profile, b.profile).differences(),
      DirectionComparison(.egress, a.profile, b.profile).differences(),
      DirectionComparison(.ingress, a.profile, b.profile).differences(), bindDifferences(a, b),
      kernelDifferences(a.profile, b.profile),
    ]
    let all = found.flatMap { $0 }
    differences = Difference.Kind.allCases.flatMap { kind in all.filter { $0.kind == kind } }
    notes = filterNotes(a, b) + processes.notes
  }
}

/// A profile that was loaded, with what of it the diff asks.
package struct ComparedProfile: Sendable {
  package var profile: Profile
  /// nil: the profile sets no filter.
  package var filter: ComparedFilter?
  /// What bind(2) may.
  package var binds: [CompiledPolicy.PortVerdict]

  package init(_ profile: Profile, filter: ComparedFilter?, binds: [CompiledPolicy.PortVerdict]) {
    (self.profile, self.filter, self.binds) = (profile, filter, binds)
  }
}
