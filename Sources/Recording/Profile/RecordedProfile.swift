import Policy
import Seccomp
import System
import YAML

/// The smallest profile under which a recorded workload does what it did.
///
/// The same recording gives the same bytes. Two recordings of a workload that did the same give the same bytes too,
/// unless counts are asked for.
package struct RecordedProfile {
  package struct Options: Sendable {
    package var name = "recorded"
    /// For which tier; nil: for that of the recording.
    package var tier: Tier?
    /// Whether programs get argument rules.
    package var hasArguments = false
    /// Whether comments say how often and when.
    package var showsCounts = false
    /// Whether each peer gets a rule, however many a port has.
    package var keepsAddresses = false

    package init(name: String = "recorded") { self.name = name }
  }

  package let profile: Profile
  package let tier: Tier
  package let comments: YAMLComments
  /// What was done and has no rule, in words. The profile denies it.
  package let leftOut: [String]
  /// The same for tier lsm, with `-lsm` behind the name; nil: it is for that tier, or for one that was chosen.
  package var forBestTier: RecordedProfile? {
    guard options.tier == nil, !recordings.allSatisfy({ $0.tier == .lsm }) else { return nil }
    var best = options
    best.tier = .lsm
    best.name = String(options.name.prefix(ProfileName.maxBytes - Self.lsmSuffix.count)) + Self.lsmSuffix
    return RecordedProfile(of: recordings, best)
  }

  private static let lsmSuffix = "-lsm"
  private let recordings: [Recording]
  private let options: Options

  /// - Parameter recordings: at least one.
  package init(of recordings: [Recording], _ options: Options = Options()) {
    (self.recordings, self.options) = (recordings, options)
    let recording = recordings.count == 1 ? recordings[0] : Recording(merging: recordings)
    var draft = ProfileDraft(recording, options)
    draft.addHead(recordings.count)
    draft.addFilter()
    draft.addProcess()
    draft.addFiles()
    draft.addNetwork()
    draft.addKernel()
    draft.makeDoWithTier()
    (profile, tier, comments, leftOut) = (draft.profile, draft.tier, draft.comments, draft.leftOut)
  }

  package var text: String { ProfileWriter(profile).text(comments) }
}

extension ProfileDraft {
  fileprivate mutating func addHead(_ recordings: Int) {
    comments.head = ["Made of \(recordings == 1 ? "a recording" : "recordings") by stockade, for tier \(tier.name)."]
    if options.showsCounts {
      let began = Timestamp.rfc3339(nanoseconds: recording.beganNanoseconds).prefix("2026-01-31T09:30:00".count)
      let image = recording.image.isEmpty ? "" : ", image \(ByteText.written(Array(recording.image.utf8)))"
      comments.head.append(
        "\(ByteText.written(Array(recording.workload.utf8)))\(image), from \(began)Z, \(recording.seconds) seconds.")
    }
    if !recording.isWhole {
      let counters = recording.losses.keys.sorted().joined(separator: ", ")
      comments.head.append(
        "WARNING: the recording is not whole: \(counters). The workload may need more than this profile allows.")
    }
    if !recording.capabilities.isEmpty {
      comments.head.append(
        "Capabilities that were used: \(recording.capabilities.keys.sorted().joined(separator: ", ")).")
    }
    tellUnseen(.capabilities, "The capabilities that were used are not all known")
  }

  /// What the tier can enforce only partly is enough: there is no more to be had at this tier.
  fileprivate mutating func makeDoWithTier() {
    guard let place = profile.makeDo(with: tier) else { return }
    comments.above[place] = ["Tier \(tier.name) enforces some of these rules only partly."]
  }
}
