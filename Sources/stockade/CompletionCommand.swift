import CommandOptions
import System

/// `stockade completion`
enum CompletionCommand {
  struct Options: Sendable { var shell = Completion.Shell.bash }

  static let syntax = CommandSyntax<Options>(
    name: "completion",
    summary: "print a script with which a shell completes command lines",
    description: "Prints the script. Its first lines say where it belongs.",
    operands: Operands("bash|zsh|fish", words: Completion.Shell.allCases.map(\.rawValue)) {
      (options, words) throws(UsageError) in
      guard words.count == 1 else { throw UsageError("takes one of \(OptionValue.list(Completion.Shell.self))") }
      options.shell = try OptionValue.word(words[0], of: "completion")
    },
    examples: [("stockade completion bash >/etc/bash_completion.d/stockade", "from the next shell on")],
    exitStatuses: [("0", "it was printed"), ("2", "the command line is wrong")])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      put(Completion(of: "stockade", CommandList.commands.map { $0.outline() }).script(for: options.shell), to: 1)
      return 0
    }
  }
}
