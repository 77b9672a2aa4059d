/// Scripts with which a shell completes a command line. They are made of the same tables as the help.
package struct Completion {
  package enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish }

  private let program: String
  private let commands: [CommandOutline]

  package init(of program: String, _ commands: [CommandOutline]) { (self.program, self.commands) = (program, commands) }

  package func script(for shell: Shell) -> String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  /// The first words of commands: `gate close` and `gate open` have one.
  private var firstWords: [String] { unique(commands.map { words(of: $0)[0] }) }

  private func words(of command: CommandOutline) -> [String] { command.name.split(separator: " ").map(String.init) }

  private func secondWords(of first: String) -> [String] {
    unique(commands.map(words).filter { $0.count > 1 && $0[0] == first }.map { $0[1] })
  }

  private func unique(_ words: [String]) -> [String] {
    var seen: Set<String> = []
    return words.filter { seen.insert($0).inserted }
  }

  // MARK: bash

  private var bash: String {
    let groups = firstWords.filter { !secondWords(of: $0).isEmpty }
    let cases = commands.map { command in
      let valued = command.options.filter { $0.placeholder != nil }.map { option in
        let reply =
          option.takesFiles
          ? "mapfile -t COMPREPLY < <(compgen -f -- \"$current\")"
          : "mapfile -t COMPREPLY < <(compgen -W '\(option.words.joined(separator: " "))' -- \"$current\")"
        return "        \(option.name)) \(reply); return ;;\n"
      }.joined()
      let choice = valued.isEmpty ? "" : "      case $previous in\n\(valued)      esac\n"
      let names = command.options.map(\.name) + command.operandWords
      let files =
        command.takesFiles
        ? "      [[ $current == -* ]] || { mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return; }\n" : ""
      return "    '\(command.name)')\n\(choice)\(files)      words='\(names.joined(separator: " "))' ;;\n"
    }.joined()
    let second = groups.map { "    \($0)) words='\(secondWords(of: $0).joined(separator: " "))' ;;\n" }.joined()
    return """
      # bash completion for \(program). Put it where bash-completion looks: /etc/bash_completion.d/\(program)
      _\(program)() {
        local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words='' command
        COMPREPLY=()
        command=${COMP_WORDS[1]}
        case $command in
          \(groups.joined(separator: " | "))) [[ $COMP_CWORD -le 2 ]] || command+=" ${COMP_WORDS[2]}" ;;
        esac
        if [[ $COMP_CWORD -eq 1 ]]; then
          words='\(firstWords.joined(separator: " "))'
        else
          case $command in
      \(second)\(cases)    esac
        fi
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
      }
      complete -F _\(program) \(program)

      """
  }

  // MARK: zsh

  private var zsh: String {
    let groups = firstWords.filter { !secondWords(of: $0).isEmpty }
    let cases = commands.map { command in
      let arguments = command.options.map { option in
        let value =
          option.placeholder.map { placeholder in
            ":\(placeholder):" + (option.takesFiles ? "_files" : "(\(option.words.joined(separator: " ")))")
          } ?? ""
        return "'*\(option.name)[\(Self.zshText(option.help))]\(value)'"
      }
      let operand =
        command.takesFiles
        ? ["'*:file:_files'"]
        : command.operandWords.isEmpty ? [] : ["'1:operand:(\(command.operandWords.joined(separator: " ")))'"]
      return "    '\(command.name)') _arguments -s \((arguments + operand).joined(separator: " ")) ;;\n"
    }.joined()
    let second = groups.map { first in
      "    \(first)) if (( CURRENT == 3 )); then compadd \(secondWords(of: first).joined(separator: " ")); return; fi;"
        + " command+=\" ${words[3]}\"; shift words; (( CURRENT-- )) ;;\n"
    }.joined()
    let described = firstWords.map { first in
      let summary = commands.first { $0.name == first }?.summary ?? "\(secondWords(of: first).joined(separator: ", "))"
      return "'\(first):\(Self.zshText(summary))'"
    }
    return """
      #compdef \(program)
      # zsh completion for \(program). Put it into a folder of $fpath as _\(program).
      _\(program)() {
        local command=${words[2]}
        local -a commands=(\(described.joined(separator: " ")))
        if (( CURRENT == 2 )); then _describe command commands; return; fi
        case $command in
      \(second)    *) ;;
        esac
        shift words
        (( CURRENT-- ))
        case $command in
      \(cases)  esac
      }
      if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _\(program) "$@"; else compdef _\(program) \(program); fi

      """
  }

  private static func zshText(_ text: String) -> String {
    text.map { "[]:'".contains($0) ? " " : String($0) }.joined()
  }

  // MARK: fish

  private var fish: String {
    var lines = [
      "# fish completion for \(program). Put it into ~/.config/fish/completions/\(program).fish",
      "complete -c \(program) -f",
    ]
    for first in firstWords {
      let summary = commands.first { $0.name == first }?.summary ?? secondWords(of: first).joined(separator: ", ")
      lines.append("complete -c \(program) -n __fish_use_subcommand -a \(first) -d '\(Self.fishText(summary))'")
    }
    for command in commands {
      let words = words(of: command)
      let seen = words.map { "__fish_seen_subcommand_from \($0)" }.joined(separator: "; and ")
      if words.count == 2 {
        let others = secondWords(of: words[0]).joined(separator: " ")
        lines.append(
          "complete -c \(program) -n '__fish_seen_subcommand_from \(words[0]); and not __fish_seen_subcommand_from \(others)'"
            + " -a \(words[1]) -d '\(Self.fishText(command.summary))'")
      }
      for option in command.options {
        let name = option.name.hasPrefix("--") ? "-l \(option.name.dropFirst(2))" : "-s \(option.name.dropFirst())"
        let value =
          option.placeholder == nil
          ? "" : option.takesFiles ? " -r -F" : " -x -a '\(option.words.joined(separator: " "))'"
        lines.append("complete -c \(program) -n '\(seen)' \(name)\(value) -d '\(Self.fishText(option.help))'")
      }
      if command.takesFiles { lines.append("complete -c \(program) -n '\(seen)' -F") }
      if !command.operandWords.isEmpty {
        lines.append("complete -c \(program) -n '\(seen)' -a '\(command.operandWords.joined(separator: " "))'")
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private static func fishText(_ text: String) -> String {
    text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
  }
}
