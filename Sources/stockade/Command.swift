import CommandOptions

/// One command in the program's list: what it is for, and how to run it.
struct Command: Sendable {
  var name: String
  var summary: String
  /// Gets the words behind the name, and returns the exit status.
  var main: @Sendable ([String]) -> Int32

  init<Values>(_ syntax: CommandSyntax<Values>, main: @escaping @Sendable ([String]) -> Int32) {
    (name, summary, self.main) = (syntax.name, syntax.summary, main)
  }
}
