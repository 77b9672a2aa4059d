import Policy
import YAML

/// A profile that is being made of a recording, with its comments.
struct ProfileDraft {
  let recording: Recording
  let options: RecordedProfile.Options
  let tier: Tier
  var profile: Profile
  var comments = YAMLComments()
  /// What was done and has no rule, in words.
  var leftOut: [String] = []

  /// The most things of one kind that a comment lists, and the most characters of each.
  static let listedMax = 10
  private static let listedLength = 200
  /// A profile's file may have a MiB. What does not fit into this is left out, so that the rest loads.
  private var bytesLeft = 768 << 10
  /// A rule's keys and spaces.
  private static let bytesOfRule = 128

  init(_ recording: Recording, _ options: RecordedProfile.Options) {
    (self.recording, self.options, tier) = (recording, options, options.tier ?? recording.tier)
    profile = Profile(name: options.name, file: "")
  }

  /// Where the rules of the profile will stand.
  static let location = Location(file: "", line: 0)

  /// Whether the recording saw a part. If not, the profile's head says so.
  mutating func sees(_ part: Recording.Part, for section: String) -> Bool {
    tellUnseen(part, "No \(section)")
    return recording.unseen[part] == nil
  }

  /// Says at the head what follows, if the recording did not see a part.
  mutating func tellUnseen(_ part: Recording.Part, _ what: String) {
    guard let reason = recording.unseen[part] else { return }
    let why = Self.short(ByteText.written(Array(reason.utf8)))
    comments.head.append("\(what): the recording did not see \(part.rawValue) (\(why)).")
  }

  mutating func warn(at place: String, _ text: String) { comments.above[place, default: []].append("WARNING: \(text)") }

  mutating func count(_ count: UInt64, at place: String) {
    if options.showsCounts { comments.beside[place] = count == 1 ? "once" : "\(count) times" }
  }

  /// Says at the head that these have no rule, and why.
  mutating func leaveOut(_ things: [String], _ why: String) {
    if things.isEmpty { return }
    leftOut += things
    let listed = things.prefix(Self.listedMax).map(Self.short).joined(separator: ", ")
    let more = things.count > Self.listedMax ? " and \(things.count - Self.listedMax) more" : ""
    comments.head.append("WARNING: no rule for \(listed)\(more): \(why).")
  }

  private static func short(_ text: String) -> String {
    text.unicodeScalars.count > listedLength ? String(text.unicodeScalars.prefix(listedLength)) + "…" : text
  }

  /// The rules for which the section and the file have room. The others are left out.
  ///
  /// - Parameters:
  ///   - limit: of the section.
  ///   - bytes: how many bytes the texts of a rule have.
  ///   - name: what a rule is about, for people.
  mutating func fitting<Rule>(
    _ rules: [Rule], limit: Int, bytes: (Rule) -> Int, name: (Rule) -> String
  ) -> [Rule] {
    var (kept, others) = ([Rule](), [Rule]())
    for rule in rules {
      // A text in quotes has at most twice its bytes.
      let cost = Self.bytesOfRule + 2 * bytes(rule)
      if kept.count < limit, cost <= bytesLeft {
        bytesLeft -= cost
        kept.append(rule)
      } else {
        others.append(rule)
      }
    }
    leaveOut(others.map(name), "a section has at most \(limit) rules, and a file \(Node.fileMaxBytes) bytes")
    return kept
  }
}
