import BPF
import CStockade
import Enforcement
import Policy
import Testing

/// The file section as the kernel's maps hold it.
struct CompileFileTests {
  private func compiled(
    _ defaultAction: Action, _ rules: PathRule..., mode: Mode = .enforce, tier: Tier = .fmodRet
  ) throws -> CompiledPolicy {
    var profile = Profile(name: "test", file: "test.yaml")
    var section = FileSection()
    section.defaultAction = defaultAction
    section.rules = rules
    profile.fileAccess = section
    profile.mode = mode
    return try PolicyCompiler.compile(profile, tier: tier, hasNetwork: false, withoutNewExecutables: false)
  }

  private func rule(_ policy: CompiledPolicy, _ path: String) throws -> stockade_path_rule {
    try #require(policy.files.first { $0.path == Array(path.utf8) }).rule
  }

  private func paths(_ policy: CompiledPolicy) -> [String] {
    policy.files.map { String(decoding: $0.path, as: UTF8.self) }
  }

  @Test("a section that allows everything is not in the kernel, nor is any at tier signal")
  func nothing() throws {
    for policy in [
      try compiled(.allow), try compiled(.allow, .path("/a", .allow)), try compiled(.block, tier: .signal),
    ] {
      #expect(policy.policy.flags == 0 && policy.files.isEmpty)
    }
  }

  @Test("a path that cannot be had gets the strictest action of default and rules")
  func strictest() throws {
    let policy = try compiled(.allow, .path("/a", .audit), .path("/b", .allow)).policy
    #expect(policy.flags == UInt32(STOCKADE_HAS_FILE.rawValue))
    #expect(policy.file_default == Action.allow.rawValue && policy.file_strictest == Action.audit.rawValue)
    #expect(try compiled(.block, .path("/a", .audit)).policy.file_strictest == Action.block.rawValue)
    #expect(try compiled(.block, mode: .audit).policy.file_strictest == Action.audit.rawValue)
  }

  @Test("Read comes before Write, and a rule speaks only of its access")
  func access() throws {
    var read = PathRule.directory("/a", .audit, recursive: true)
    var write = PathRule.directory("/a", .block)
    (read.access, write.access) = ([.read], [.write])
    let rule = try rule(compiled(.allow, write, read), "/a/")
    #expect(rule.direct.0.action == Action.audit.rawValue && rule.direct.0.rule == 1)
    #expect(rule.direct.1.action == Action.block.rawValue && rule.direct.1.rule == 0)
    #expect(rule.deep.0.present == 1 && rule.deep.1.present == 0)
  }

  @Test("each folder above a rule that does not allow knows the strictest of them, a directory's own path too")
  func above() throws {
    let policy = try compiled(
      .allow, .path("/a/b/c", .audit), .directory("/a/b", .block), .path("/a/x", .allow), .directory("/", .audit))
    #expect(paths(policy) == ["/", "/a", "/a/b", "/a/b/", "/a/b/c", "/a/x"])
    for folder in ["/a", "/a/b"] {
      let rule = try rule(policy, folder)
      #expect(rule.direct.0.present == 0 && rule.deep.0.rule == 1 && rule.deep.1.action == Action.block.rawValue)
    }
    #expect(try rule(policy, "/a/b/c").deep.0.present == 0)
  }

  @Test("only the file section's directories have bits among its lengths")
  func lengths() throws {
    let policy = try compiled(.block, .directory("/usr", .allow)).policy
    #expect(policy.file_directory_lengths.0 == 1 << 5 && policy.directory_lengths.0 == 0)
  }
}
