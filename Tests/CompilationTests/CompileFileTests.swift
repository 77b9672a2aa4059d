import Compilation
import Policy
import PolicyTesting
import Testing

/// The file section as the kernel's tables hold it.
struct CompileFileTests {
  private func compiled(
    _ defaultAction: Action, _ rules: PathRule..., mode: Mode = .enforce
  ) throws -> CompiledPolicy {
    var profile = Profile(name: "test", file: "test.yaml")
    var section = FileSection()
    (section.defaultAction, section.rules) = (defaultAction, rules)
    (profile.fileAccess, profile.mode) = (section, mode)
    return try PolicyCompiler.compile(profile)
  }

  private func path(_ policy: CompiledPolicy, _ path: String) throws -> CompiledPolicy.Path {
    try #require(policy.file?.paths.first { $0.bytes == Array(path.utf8) })
  }

  @Test("a section that allows everything is left out, and so is any at tier signal")
  func nothing() throws {
    #expect(try compiled(.allow).file == nil && compiled(.allow, .path("/a", .allow)).file == nil)
    let reduced = try compiled(.block).reduced(to: .signal, hasNetwork: true, withoutNewExecutables: false)
    #expect(reduced.file == nil)
  }

  @Test("a path that cannot be known gets the strictest action of default and rules")
  func strictest() throws {
    let file = try compiled(.allow, .path("/a", .audit), .path("/b", .allow)).file
    #expect(file?.defaultAction == .allow && file?.strictest == .audit)
    #expect(try compiled(.block, .path("/a", .audit)).file?.strictest == .block)
    #expect(try compiled(.block, mode: .audit).file?.strictest == .audit)
  }

  @Test("a rule speaks only of its access")
  func access() throws {
    var read = PathRule.directory("/a", .audit, recursive: true)
    var write = PathRule.directory("/a", .block)
    (read.access, write.access) = ([.read], [.write])
    let path = try path(compiled(.allow, write, read), "/a/")
    #expect(path.direct.read?.action == .audit && path.direct.read?.rule == 1)
    #expect(path.direct.write?.action == .block && path.direct.write?.rule == 0)
    #expect(path.deep.read != nil && path.deep.write == nil)
  }

  @Test("each folder above a rule that does not allow knows the strictest of them, a directory's own path too")
  func above() throws {
    let policy = try compiled(
      .allow, .path("/a/b/c", .audit), .directory("/a/b", .block), .path("/a/x", .allow), .directory("/", .audit))
    let paths = policy.file!.paths.map { String(decoding: $0.bytes, as: UTF8.self) }
    #expect(paths == ["/", "/a", "/a/b", "/a/b/", "/a/b/c", "/a/x"])
    for folder in ["/a", "/a/b"] {
      let path = try path(policy, folder)
      #expect(path.direct == .init() && path.deep.read?.rule == 1 && path.deep.write?.action == .block)
    }
    #expect(try path(policy, "/a/b/c").deep == .init())
  }
}
