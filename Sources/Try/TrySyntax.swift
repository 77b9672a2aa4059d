import CommandOptions

extension Options {
  /// The command line of `stockade try`. As with docker, a command line that cannot be understood ends with 125: every
  /// lower number may be the command's own.
  package static let syntax = CommandSyntax<Options>(
    name: "try",
    summary: "run a command in a container under a profile",
    description: """
      Runs a command in a container under a profile, with runc and without containerd. It needs root. It
      prints the command's output. Then it prints on standard error what was denied, and by which rule.
      With -o json everything it tells is JSON on standard output, and the command's output goes to
      standard error. docs/try.md has the records.
      Give the profile with --profile, or a configuration that chooses one with --config. With --record
      no profile is needed. What a profile blocks stays blocked while the command is recorded.
      """,
    options: OptionTable.options, testOptions: OptionTable.testOptions,
    operands: Operands("-- COMMAND [ARG...]", areAfterDashes: true) { (options, command) throws(UsageError) in
      if command.isEmpty { throw UsageError("no command; give it after --") }
      if options.recordsArguments, options.record == nil {
        throw UsageError("--record-arguments needs a recording; give --record FILE as well")
      }
      if options.profile == nil, options.pluginConfiguration == nil, options.record == nil {
        throw UsageError("no profile; give one with --profile FILE, or record what the command does with --record FILE")
      }
      options.command = command
    },
    examples: [
      (
        "stockade try --profile web.yaml -- sh -c '/usr/bin/wget http://10.0.0.1/'",
        "what does the profile say of this command?"
      ),
      ("stockade try --record web.json --rootfs /srv/image -- nginx", "what does this command do?"),
      ("stockade try --profile web.yaml --rootfs /srv/image -- nginx -t", "the same in the tree of an image"),
    ],
    exitStatuses: [
      ("N", "the command's own exit status"),
      ("128+N", "signal N ended the command"),
      ("127", "the command was not found"),
      ("126", "the command cannot be executed"),
      ("125", "the command line is wrong, the container was refused, or it could not be made"),
    ],
    usageStatus: ExitStatus.notStarted)
}
