import BPF
import CStockade
import Enforcement
import Policy
import Testing

/// The process section as the kernel's maps hold it.
struct CompileProcessTests {
  private func compiled(_ section: ProcessSection?, mode: Mode = .enforce, tier: Tier = .signal) throws
    -> CompiledPolicy
  {
    var profile = Profile(name: "test", file: "test.yaml")
    profile.process = section
    profile.mode = mode
    return try PolicyCompiler.compile(profile, tier: tier, hasNetwork: false, withoutNewExecutables: false)
  }

  private func rule(_ policy: CompiledPolicy, _ path: String) -> stockade_path_rule? {
    policy.paths.first { $0.path == Array(path.utf8) }?.rule
  }

  @Test("a profile without a process section has none in the kernel, and neither has tier none")
  func nothing() throws {
    #expect(try compiled(nil).policy.flags == 0)
    let none = try compiled(.section(.block, .path("/a", .allow)), tier: .none)
    #expect(none.policy.flags == 0 && none.paths.isEmpty)
  }

  @Test(
    "newExecutables and fileless follow defaultAction unless they are set",
    arguments: [
      (.block, nil, .block), (.audit, nil, .allow), (.allow, nil, .allow), (.block, .audit, .audit),
      (.allow, .block, .block),
    ]
      as [(Action, Action?, Action)])
  func defaults(_ byDefault: Action, _ set: Action?, _ expected: Action) throws {
    let policy = try compiled(.section(byDefault, new: set, fileless: set)).policy
    #expect(policy.process_default == byDefault.rawValue)
    #expect(policy.new_executables == expected.rawValue && policy.fileless == expected.rawValue)
    #expect(policy.flags == UInt32(STOCKADE_HAS_PROCESS.rawValue))
  }

  @Test("allowEntrypoint is a flag")
  func entrypoint() throws {
    let flags = try compiled(.section(.block, allowEntrypoint: true)).policy.flags
    #expect(flags & UInt32(STOCKADE_ALLOW_ENTRYPOINT.rawValue) != 0)
  }

  @Test("what could decide an over-long path: directories and the default, their arguments included")
  func overLong() throws {
    #expect(try compiled(.section(.allow, .path("/a", .block))).policy.over_long == Action.allow.rawValue)
    #expect(try compiled(.section(.allow, .directory("/a", .audit))).policy.over_long == Action.audit.rawValue)
    var directory = PathRule.directory("/a", .allow)
    directory.arguments = [ArgumentRule(kind: .equals, text: "x", index: nil, action: .block)]
    #expect(try compiled(.section(.audit, directory)).policy.over_long == Action.block.rawValue)
  }

  @Test("a directory has its slash, once, and its length among the policy's", arguments: ["/usr/lib", "/usr/lib/"])
  func directory(_ path: String) throws {
    let policy = try compiled(.section(.block, .directory(path, .allow)))
    let rule = try #require(self.rule(policy, "/usr/lib/"))
    #expect(policy.paths.count == 1)
    #expect(rule.direct.0.present == 1 && rule.deep.0.present == 0)
    #expect(lengths(policy) == [9])
  }

  @Test("the lengths of the root and of the longest directory have their bits")
  func extremeLengths() throws {
    let longest = "/" + String(repeating: "a", count: 510)
    #expect(lengths(try compiled(.section(.block, .directory("/", .allow), .directory(longest, .allow)))) == [1, 512])
  }

  private func lengths(_ policy: CompiledPolicy) -> [Int] {
    withUnsafeBytes(of: policy.policy.directory_lengths) {
      let words = $0.bindMemory(to: UInt64.self)
      return (0..<words.count * 64).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
    }
  }

  @Test("of rules about the same directory the strictest decides, below it only recursive ones")
  func sameDirectory() throws {
    let policy = try compiled(
      .section(.allow, .directory("/a", .allow, recursive: true), .directory("/a", .block), .directory("/a", .audit)))
    let rule = try #require(self.rule(policy, "/a/"))
    #expect(rule.direct.0.rule == 1 && rule.direct.0.action == Action.block.rawValue)
    #expect(rule.deep.0.rule == 0 && rule.deep.0.action == Action.allow.rawValue)
  }

  @Test("a path rule carries its exception and the number of its arguments, which are keyed by rule and position")
  func arguments() throws {
    let words = [
      ArgumentRule(kind: .contains, text: "a", index: nil, action: .block),
      ArgumentRule(kind: .prefix, text: "bc", index: 3, action: .audit),
    ]
    let policy = try compiled(.section(.block, .path("/x", .block), .path("/a", .allow, new: true, words[0], words[1])))
    let verdict = try #require(self.rule(policy, "/a")).direct.0
    #expect(verdict.rule == 1 && verdict.allow_new == 1 && verdict.arguments == 2)
    #expect(policy.arguments.map { [$0.key.rule, $0.key.position] } == [[1, 0], [1, 1]])
    let (first, second) = (policy.arguments[0].argument, policy.arguments[1].argument)
    #expect(first.index == STOCKADE_NO_RULE && second.index == 3)
    #expect(first.kind == STOCKADE_CONTAINS.rawValue && second.kind == STOCKADE_PREFIX.rawValue)
    #expect(first.action == Action.block.rawValue && second.action == Action.audit.rawValue)
    #expect(second.length == 2 && second.text.0 == UInt8(ascii: "b") && second.text.2 == 0)
  }

  @Test("a text of 128 bytes fills its place")
  func longestText() throws {
    let text = String(repeating: "t", count: 128)
    let argument = try compiled(
      .section(.block, .path("/a", .allow, ArgumentRule(kind: .equals, text: text, index: nil, action: .block)))
    ).arguments[0].argument
    #expect(argument.length == 128 && argument.text.127 == UInt8(ascii: "t"))
  }

  @Test("in mode Audit no Block is left anywhere")
  func audit() throws {
    let words = ArgumentRule(kind: .equals, text: "x", index: nil, action: .block)
    let policy = try compiled(
      .section(.block, .path("/a", .block, words), .directory("/b", .block, recursive: true), new: nil), mode: .audit)
    let audited = Action.audit.rawValue
    #expect(
      [policy.policy.process_default, policy.policy.new_executables, policy.policy.fileless] == [
        audited, audited, audited,
      ])
    #expect(policy.policy.over_long == audited)
    #expect(rule(policy, "/a")?.direct.0.action == audited && rule(policy, "/b/")?.deep.0.action == audited)
    #expect(policy.arguments.map(\.argument.action) == [audited])
  }
}
