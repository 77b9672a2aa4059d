import Enforcement
import Logging
import Policy

/// What links of an image make of a profile's rules is told once for each image.
extension Plugin {
  struct LinksTold: Hashable {
    let profile: String
    let image: String
    /// Of the aliases. Two sets of aliases can have the same one, and then the second set is not told.
    let digest: Int
  }

  /// So many rules are named in a line.
  private static let namedMaximum = 5

  func tell(_ aliases: RuleAliases, of profile: Profile, _ start: Enforcer.Start) {
    if aliases.isEmpty { return }
    let told = LinksTold(profile: profile.name, image: start.subject.image, digest: aliases.digest)
    if toldLinks[told] != nil { return }
    toldLinks.insert(true, for: told)
    let (held, wide, idleParts) = profile.effects(of: aliases)
    idle?.tell(idleParts, of: start.subject, profile: profile.name)
    tell(.info, "links of the image lead these rules to other paths, where they hold as well", held, profile, start)
    tell(
      .warning, "links lead rules that block to a program with other names, which they block by all of its names", wide,
      profile, start)
  }

  private func tell(
    _ level: Logger.Level, _ message: Logger.Message, _ rules: [String], _ profile: Profile, _ start: Enforcer.Start
  ) {
    if rules.isEmpty { return }
    let more = rules.count > Self.namedMaximum ? " and \(rules.count - Self.namedMaximum) more" : ""
    log.log(
      level: level, message,
      metadata: start.subject.metadata([
        "profile": "\(profile.name)", "rules": "\(rules.prefix(Self.namedMaximum).joined(separator: ", "))\(more)",
      ]))
  }
}
