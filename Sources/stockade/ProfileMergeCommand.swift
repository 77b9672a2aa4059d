import CommandOptions
import Policy
import Recording
import System

/// `stockade profile merge`
enum ProfileMergeCommand {
  struct Options: Sendable {
    var profile = RecordedProfile.Options()
    var recordings: [String] = []
    var output: String?
  }

  static let syntax = CommandSyntax<Options>(
    name: "profile merge",
    summary: "make a profile of one or more recordings",
    description: """
      Makes the smallest profile under which the workload does what the recordings say, generalised by the
      rules of docs/recording.md. The same recordings give the same bytes.
      """,
    options: [
      CommandOption("--name", "NAME", help: "the profile's name (default: recorded)") {
        (options, value) throws(UsageError) in
        guard ProfileName.isValid(value), value != ProfileName.unconfined else {
          throw UsageError("--name takes lower-case letters, digits, - and ., not \"\(value)\"")
        }
        options.profile.name = value
      },
      .tier("for this tier (default: that of the recordings)") { $0.profile.tier = $1 },
      CommandOption("--arguments", help: "report first arguments of programs that were not recorded") { options, _ in
        options.profile.hasArguments = true
      },
      CommandOption("--keep-addresses", help: "a rule for each peer, however many there are") { options, _ in
        options.profile.keepsAddresses = true
      },
      CommandOption("--counts", help: "say in comments how often and when; each run has other ones") { options, _ in
        options.profile.showsCounts = true
      },
      CommandOption("-o", "FILE", help: "write to FILE; below tier lsm, also to FILE-lsm.yaml for that tier") {
        $0.output = $1
      },
    ],
    operands: Operands("RECORDING...") { (options, files) throws(UsageError) in
      if files.isEmpty { throw UsageError("no recording; stockade record makes one") }
      options.recordings = files
    },
    examples: [
      ("stockade profile merge --name web one.json two.json > web.yaml", "a profile of two runs"),
      ("stockade profile merge --tier signal one.json", "for nodes that have only tier signal"),
    ],
    exitStatuses: [
      ("0", "the profile was made"),
      ("1", "a recording cannot be read, or the profile cannot be written"),
      ("2", "the command line is wrong"),
      ("3", "the profile was made, but a recording is not whole, or something has no rule"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      do {
        let recordings = try RecordingFile.readAll(options.recordings)
        let profile = RecordedProfile(of: recordings.map(\.recording), options.profile)
        return tell(profile, try write(profile, options), recordings)
      } catch {
        put("stockade profile merge: \(error)\n", to: 2)
        return 1
      }
    }
  }

  /// - Returns: the profile for the best tier, if that was written too.
  private static func write(_ profile: RecordedProfile, _ options: Options) throws -> RecordedProfile? {
    guard let output = options.output else {
      put(profile.text, to: 1)
      return nil
    }
    try Files.write(profile.text, to: output)
    guard let better = profile.forBestTier else { return nil }
    let stem = output.hasSuffix(".yaml") ? String(output.dropLast(".yaml".count)) : output
    // Nobody gave this name, so it is followed nowhere.
    try Files.replace("\(stem)-lsm.yaml", with: better.text, mode: 0o644)
    return better
  }

  private static func tell(
    _ profile: RecordedProfile, _ better: RecordedProfile?, _ recordings: [(file: String, recording: Recording)]
  ) -> Int32 {
    let broken = recordings.filter { !$0.recording.isWhole }.map { "\($0.file) is not whole" }
    let count = max(profile.leftOut.count, better?.leftOut.count ?? 0)
    let leftOut = count == 0 ? [] : ["\(count) things that were done have no rule"]
    for warning in broken + leftOut { put("stockade profile merge: \(warning); the profile says more\n", to: 2) }
    return broken.isEmpty && leftOut.isEmpty ? 0 : 3
  }
}
