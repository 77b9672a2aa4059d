import CommandOptions
import Policy
import Recording
import Seccomp
import System

/// `stockade profile test`
enum ProfileTestCommand {
  struct Options: Sendable {
    var profile = ""
    var recordings: [String] = []
    var mutates = false
    var tier = Tier.lsm
    var format = OutputFormat.table
  }

  static let syntax = CommandSyntax<Options>(
    name: "profile test",
    summary: "say what a profile would have denied of recordings",
    description: """
      Judges everything that the recordings say by the profile, with Stockade's model of the kernel's
      decisions and with the profile's own filter. It needs no root and no kernel (docs/recording.md).
      """,
    options: [
      CommandOption("--mutate", help: "also take each rule away in turn, and say which no recording needs") {
        options, _ in options.mutates = true
      },
      .tier("judge only what this tier enforces (default: lsm)") { $0.tier = $1 },
      .output { $0.format = $1 },
    ],
    operands: Operands("PROFILE RECORDING...") { (options, files) throws(UsageError) in
      guard files.count > 1 else { throw UsageError("it takes a profile and at least one recording") }
      (options.profile, options.recordings) = (files[0], Array(files.dropFirst()))
    },
    examples: [
      ("stockade profile test web.yaml web.json", "would this profile have broken that run?"),
      ("stockade profile test --mutate web.yaml one.json two.json", "which rules does no run need?"),
    ],
    exitStatuses: [
      ("0", "nothing would have been denied"),
      ("1", "something would have been denied, or a file cannot be read"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      do {
        let profile = try Profile.load(file: options.profile)
        let recordings = try RecordingFile.readAll(options.recordings)
        let test = try ProfileTest(
          profile, folder: Files.folder(of: options.profile), recordings.map(\.recording), tier: options.tier,
          .thisNode())
        let report = TestReport(test, file: options.profile, recordings, mutates: options.mutates)
        put(options.format.text(table: report.text, report.json), to: 1)
        return report.status
      } catch {
        put("stockade profile test: \(error)\n", to: 2)
        return 1
      }
    }
  }
}
