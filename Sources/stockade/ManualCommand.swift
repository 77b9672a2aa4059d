import CommandOptions
import Status
import System

/// `stockade manual`
enum ManualCommand {
  struct Options: Sendable { var folder = "" }

  static let syntax = CommandSyntax<Options>(
    name: "manual",
    summary: "write the manual pages",
    description: "Writes a manual page for each command, and one for the program, into a folder that is there.",
    operands: Operands("FOLDER") { (options, words) throws(UsageError) in
      guard words.count == 1 else { throw UsageError("takes one folder") }
      options.folder = words[0]
    },
    examples: [("stockade manual /usr/local/share/man/man1", "man stockade-status works from now on")],
    exitStatuses: [("0", "they are written"), ("1", "one could not be written"), ("2", "the command line is wrong")])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      let commands = CommandList.commands.map { $0.outline() }
      let version = StockadeVersion.text
      let pages =
        [ManualPage(of: "stockade", summary: "confines containers", commands, version: version)]
        + commands.map { ManualPage(of: "stockade", $0, version: version) }
      do {
        for page in pages { try Files.write(page.text, to: "\(options.folder)/\(page.file)") }
        return 0
      } catch {
        put("stockade manual: \(error)\n", to: 2)
        return 1
      }
    }
  }
}
