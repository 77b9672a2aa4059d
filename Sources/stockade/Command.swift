import CommandOptions

/// One command in the program's list: what it is for, and how to run it.
struct Command: Sendable {
  var name: String
  var summary: String
  /// Made only for completions and manual pages: no other run pays for it.
  var outline: @Sendable () -> CommandOutline
  /// Gets the words behind the name, and returns the exit status.
  var main: @Sendable ([String]) -> Int32

  init<Values>(_ syntax: CommandSyntax<Values>, main: @escaping @Sendable ([String]) -> Int32) {
    (name, summary, self.main) = (syntax.name, syntax.summary, main)
    outline = { syntax.outline }
  }
}
