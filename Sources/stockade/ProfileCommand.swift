import ProfileCheck
import System

/// `stockade profile check`
enum ProfileCommand {
  /// - Returns: 0; 1 where a profile is broken or the judged node refuses it; 2 for a wrong command line.
  static func main(_ arguments: [String]) -> Int32 {
    guard arguments.first == "check" else { return Command.usage("profile: say check and the files or folders") }
    var options = CheckOptions()
    var rest = arguments.dropFirst()
    while let word = rest.popFirst() {
      switch word {
      case "-o":
        guard rest.popFirst() == "json" else { return Command.usage("profile check: -o takes json") }
        options.printsJSON = true
      case "--node":
        guard let value = rest.popFirst() else { return Command.usage("profile check: --node needs a value") }
        do throws(NodeDescriptionError) { options.node = try NodeDescription.parse(value) } catch {
          return Command.usage("profile check: --node \(value): \(error)")
        }
      case ProfileCheck.standardInput: options.paths.append(word)
      case _ where word.hasPrefix("-"): return Command.usage("profile check: unknown option \"\(word)\"")
      default: options.paths.append(word)
      }
    }
    guard !options.paths.isEmpty else { return Command.usage("profile check: name files or folders") }
    do { return try options.run() } catch {
      put("stockade: \(error)\n", to: 2)
      return 1
    }
  }
}
