import Glibc
import System
import Testing

/// Where a program is; nil: it is not installed.
private func program(_ name: String) -> String? {
  ["/usr/bin/\(name)", "/bin/\(name)"].first { Files.exists($0) }
}

/// The completions in the shells themselves, and the manual pages in man(1).
@Suite(.enabled(if: builtProgram != nil, "needs the built program"))
struct ShellTests {
  private func run(_ name: String, _ words: [String]) throws -> ProgramRun {
    try ProgramRun(#require(program(name)), arguments: [name] + words, seconds: 30)
  }

  /// What bash offers for the last of these words.
  private func bash(_ words: String...) throws -> [String] {
    let script = """
      source <("$0" completion bash)
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      _stockade
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let done = try run("bash", ["-c", script, #require(builtProgram), "stockade"] + words)
    #expect(done.status == 0 && done.error == "")
    return done.output.split(separator: "\n").map(String.init)
  }

  @Test("bash offers commands, their second words, options and values")
  func bash() throws {
    #expect(try bash("stat") == ["status"])
    #expect(try bash("gate", "") == ["status", "close", "open", "free"])
    #expect(try bash("gate", "close", "--con") == ["--config"])
    #expect(try bash("status", "-o", "") == ["table", "json", "yaml"])
    #expect(try bash("audit", "p") == ["pod", "profile"])
    #expect(try bash("completion", "f") == ["fish"])
  }

  @Test("zsh takes the script", .enabled(if: program("zsh") != nil, "zsh is not installed"))
  func zsh() throws {
    let script = "autoload -Uz compinit; compinit -D -u; source <(\"$0\" completion zsh); echo ${_comps[stockade]}"
    let done = try run("zsh", ["-fc", script, #require(builtProgram)])
    #expect((done.status, done.output, done.error) == (0, "_stockade\n", ""))
  }

  @Test("fish offers commands and values", .enabled(if: program("fish") != nil, "fish is not installed"))
  func fish() throws {
    let program = try #require(builtProgram)
    let script =
      "\(program) completion fish | source; complete -C 'stockade gate cl'; complete -C 'stockade status -o y'"
    let done = try run("fish", ["--no-config", "-c", script])
    let words = done.output.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }
    #expect((done.status, words) == (0, ["close", "yaml"]))
  }

  @Test("man has nothing to say against any page", .enabled(if: program("man") != nil, "man is not installed"))
  func manual() throws {
    let folder = "/tmp/stockade-manual-\(UInt64.random(in: 0...UInt64.max))"
    try Files.makeFolder(folder)
    defer {
      for page in (try? Files.names(in: folder)) ?? [] { unlink("\(folder)/\(page)") }
      rmdir(folder)
    }
    let written = try ProgramRun(#require(builtProgram), arguments: ["stockade", "manual", folder], seconds: 30)
    #expect((written.status, written.error) == (0, ""))
    let pages = try Files.names(in: folder)
    #expect(pages.contains("stockade.1") && pages.contains("stockade-gate-close.1") && pages.count > 15)
    for page in pages {
      let shown = try run("man", ["--warnings", "--encoding=UTF-8", "--local-file", "\(folder)/\(page)"])
      #expect((shown.status, shown.error) == (0, ""), "\(page)")
      #expect(shown.output.contains("NAME"))
    }
  }
}
