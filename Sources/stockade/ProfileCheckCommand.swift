import CommandOptions
import Daemon
import Enforcement
import Policy
import Seccomp
import System

/// `stockade profile check`
enum ProfileCheckCommand {
  static let syntax = CommandSyntax<[String]>(
    name: "profile check",
    summary: "say what is wrong with profiles, and what a node would not enforce",
    description: """
      Reads profiles as the plugin would, and says what is wrong with them.
      """,
    operands: Operands("FILE...") { (files, operands) throws(UsageError) in
      if operands.isEmpty { throw UsageError("no file; name the profiles to check") }
      files = operands
    },
    examples: [("stockade profile check web.yaml", "is this profile well-formed?")],
    exitStatuses: [("0", "every profile can be used"), ("1", "some cannot"), ("2", "the command line is wrong")])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, []) { files in
      var status: Int32 = 0
      for file in files where !check(file) { status = 1 }
      return status
    }
  }

  private static func check(_ file: String) -> Bool {
    do {
      let library = try ProfileLibrary(file: file, environment: try SeccompEnvironment.thisNode())
      for name in library.names {
        let loaded = try library.profile(named: name)
        _ = try PolicyCompiler.compile(loaded.profile, tier: .signal, hasNetwork: true, withoutNewExecutables: false)
        put("\(file): profile \(name) is well-formed\n", to: 1)
        for note in loaded.seccomp?.notes ?? [] { put("  seccomp: \(note)\n", to: 1) }
        for gap in loaded.profile.gaps(on: NodeCapabilities(tier: .signal)) {
          put("  at tier signal: \(gap)\n", to: 1)
        }
      }
      return true
    } catch {
      put("\(error)\n", to: 2)
      return false
    }
  }
}
