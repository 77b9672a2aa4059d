import Daemon
import Enforcement
import Policy
import Seccomp
import System

/// `stockade profile check`
enum ProfileCommand {
  static func main(_ arguments: [String]) -> Int32 {
    guard arguments.first == "check", arguments.count > 1 else {
      return Command.usage("profile: say check and the files")
    }
    var status: Int32 = 0
    for file in arguments.dropFirst() where !check(file) { status = 1 }
    return status
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
