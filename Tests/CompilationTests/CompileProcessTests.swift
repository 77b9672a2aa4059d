import Compilation
import Policy
import PolicyTesting
import Testing

/// The process section as the kernel's tables hold it.
struct CompileProcessTests {
  private func compiled(_ section: ProcessSection, mode: Mode = .enforce) throws -> CompiledPolicy.Process {
    var profile = Profile(name: "test", file: "test.yaml")
    (profile.process, profile.mode) = (section, mode)
    return try #require(try PolicyCompiler.compile(profile).process)
  }

  private func path(_ process: CompiledPolicy.Process, _ path: String) -> CompiledPolicy.Path? {
    process.paths.first { $0.bytes == Array(path.utf8) }
  }

  @Test("a profile without a process section has none, and at tier none no profile has one")
  func nothing() throws {
    var profile = Profile(name: "test", file: "test.yaml")
    #expect(try PolicyCompiler.compile(profile).process == nil)
    profile.process = .section(.block)
    let reduced = try PolicyCompiler.compile(profile)
      .reduced(to: .none, hasNetwork: true, withoutNewExecutables: false)
    #expect(reduced.process == nil)
  }

  @Test(
    "newExecutables and fileless follow defaultAction unless they are set",
    arguments: [
      (.block, nil, .block), (.audit, nil, .allow), (.allow, nil, .allow), (.block, .audit, .audit),
      (.allow, .block, .block),
    ] as [(Action, Action?, Action)])
  func defaults(_ byDefault: Action, _ set: Action?, _ expected: Action) throws {
    let process = try compiled(.section(byDefault, new: set, fileless: set))
    #expect(process.defaultAction == byDefault && !process.allowEntrypoint)
    #expect(process.newExecutables == expected && process.fileless == expected)
  }

  @Test("where the root cannot tell new files, newExecutables allows, and nothing else changes")
  func withoutNew() throws {
    var profile = Profile(name: "test", file: "test.yaml")
    profile.process = .section(.block, new: .block, allowEntrypoint: true)
    let whole = try PolicyCompiler.compile(profile)
    var reduced = whole.reduced(to: .lsm, hasNetwork: true, withoutNewExecutables: true)
    #expect(reduced.process?.newExecutables == .allow && reduced.process?.allowEntrypoint == true)
    reduced.process?.newExecutables = .block
    #expect(reduced == whole)
  }

  @Test("what could decide an over-long path: directories and the default, their arguments included")
  func overLong() throws {
    #expect(try compiled(.section(.allow, .path("/a", .block))).overLong == .allow)
    #expect(try compiled(.section(.allow, .directory("/a", .audit))).overLong == .audit)
    var directory = PathRule.directory("/a", .allow)
    directory.arguments = [ArgumentRule(kind: .equals, text: "x", index: nil, action: .block)]
    #expect(try compiled(.section(.audit, directory)).overLong == .block)
  }

  @Test("a directory has its slash, once", arguments: ["/usr/lib", "/usr/lib/"])
  func directory(_ path: String) throws {
    let process = try compiled(.section(.block, .directory(path, .allow)))
    let rule = try #require(self.path(process, "/usr/lib/"))
    #expect(process.paths.count == 1 && rule.isDirectory)
    #expect(rule.direct.read != nil && rule.deep.read == nil)
  }

  @Test("of rules about the same directory the strictest decides, below it only recursive ones")
  func sameDirectory() throws {
    let process = try compiled(
      .section(.allow, .directory("/a", .allow, recursive: true), .directory("/a", .block), .directory("/a", .audit)))
    let rule = try #require(path(process, "/a/"))
    #expect(rule.direct.read?.rule == 1 && rule.direct.read?.action == .block)
    #expect(rule.deep.read?.rule == 0 && rule.deep.read?.action == .allow)
  }

  @Test("a path rule carries its exception and the number of its arguments, which are known by rule and position")
  func arguments() throws {
    let words = [
      ArgumentRule(kind: .contains, text: "a", index: nil, action: .block),
      ArgumentRule(kind: .prefix, text: "bc", index: 3, action: .audit),
    ]
    let process = try compiled(
      .section(.block, .path("/x", .block), .path("/a", .allow, new: true, words[0], words[1])))
    let verdict = try #require(path(process, "/a")?.direct.read)
    #expect(verdict.rule == 1 && verdict.allowsNew && verdict.arguments == 2)
    #expect(verdict.action == .allow && verdict.strictest == .block)
    #expect(process.arguments.map { [$0.rule, $0.position] } == [[1, 0], [1, 1]])
    #expect(process.arguments.map(\.argument) == words)
  }

  @Test("in mode Audit no Block is left anywhere")
  func audit() throws {
    let words = ArgumentRule(kind: .equals, text: "x", index: nil, action: .block)
    let process = try compiled(
      .section(.block, .path("/a", .block, words), .directory("/b", .block, recursive: true), new: nil), mode: .audit)
    #expect(
      [process.defaultAction, process.newExecutables, process.fileless, process.overLong].allSatisfy { $0 == .audit })
    #expect(path(process, "/a")?.direct.read?.action == .audit && path(process, "/b/")?.deep.read?.action == .audit)
    #expect(process.arguments.map(\.argument.action) == [.audit])
    #expect(path(process, "/a")?.direct.read?.strictest == .audit)
  }
}
