import BPF
import Compilation
@testable import Enforcement
import EnforcementTesting
import Glibc
import Policy
import PolicyTesting
import System
import Testing

/// Where links of a container's root lead rules.
struct ImageLinkTests {
  /// A folder in which a test makes a container's root.
  private final class Root {
    let path: String
    /// Of the last look.
    private(set) var areCut = false
    init() throws {
      var template = Array("/tmp/stockade-links-XXXXXX".utf8CString)
      path = String(cString: mkdtemp(&template))
    }
    deinit { removeTree(path) }

    func file(_ name: String) throws {
      try Files.makeFolder(Files.folder(of: path + name))
      try Files.write("", to: path + name)
    }
    func link(_ name: String, to text: String) throws {
      try Files.makeFolder(Files.folder(of: path + name))
      try call("make a link") { symlink(text, path + name) }
    }

    /// - Parameter changed: what is not the image's own.
    func aliases(_ rules: PathRule..., changed: Set<String> = []) throws -> [String] {
      var profile = Profile(name: "p", file: "test.yaml")
      profile.process = .section(.allow)
      profile.process!.rules = rules
      let inodes = try Set(changed.map { try inode($0) })
      var links = ImageLinks(root: try FileSystem.root(path)) { file throws(EnforcementError) in
        guard let status = try? file.status("a file") else { return FileLook(isOfImage: false, isRoot: false) }
        return FileLook(isOfImage: !inodes.contains(status.st_ino), isRoot: false)
      }
      defer { areCut = links.areCut }
      return try links.aliases(of: profile, RulePaths(of: profile)).all.map {
        "\($0.rule) \($0.path)\($0.isOfImage ? "" : " (foreign)")"
      }
    }

    private func inode(_ name: String) throws -> ino_t {
      var status = stat()
      try call("stat \(name)") { lstat(path + name, &status) }
      return status.st_ino
    }
  }

  @Test("a root without links has no aliases")
  func none() throws {
    let root = try Root()
    try root.file("/bin/id")
    #expect(try root.aliases(.path("/bin/id", .block), .directory("/bin", .allow), .path("/no/such", .block)) == [])
  }

  @Test(
    "a folder that is a link, however it says where it leads",
    arguments: ["usr/bin", "/usr/bin", "./usr//bin/", "../../usr/bin", "usr/lib/../bin"])
  func folder(_ text: String) throws {
    let root = try Root()
    try root.file("/usr/bin/id")
    try root.file("/usr/lib/x")
    try root.link("/bin", to: text)
    #expect(
      try root.aliases(.path("/bin/id", .block), .directory("/bin", .allow), .path("/usr/bin/id", .block))
        == ["0 /usr/bin/id", "1 /usr/bin"])
  }

  @Test("a link above, a link that is a file, and links to links")
  func ways() throws {
    let root = try Root()
    try root.file("/srv/app/v2/bin/tool-2")
    try root.link("/srv/app/current", to: "v2")
    try root.link("/srv/app/v2/bin/tool", to: "tool-2")
    try root.link("/opt", to: "srv")
    #expect(try root.aliases(.path("/opt/app/current/bin/tool", .block)) == ["0 /srv/app/v2/bin/tool-2"])
    #expect(try root.aliases(.path("/srv/app/v2/bin/tool", .block)) == ["0 /srv/app/v2/bin/tool-2"])
    #expect(try root.aliases(.directory("/opt/app", .audit)) == ["0 /srv/app"])
  }

  @Test("a link to nothing is followed, and is not the image's own")
  func dangling() throws {
    let root = try Root()
    try root.link("/bin", to: "usr/bin")
    try root.link("/loose", to: "gone/../away")
    #expect(
      try root.aliases(.path("/bin/id", .block), .path("/bin/su", .allow), .path("/loose", .block))
        == ["0 /usr/bin/id (foreign)", "1 /usr/bin/su (foreign)", "2 /away (foreign)"])
  }

  @Test("links in a circle, and a target that no rule can have, lead nowhere")
  func nowhere() throws {
    let root = try Root()
    try root.link("/a", to: "b")
    try root.link("/b", to: "a")
    try root.file("/odd\nname/p")
    try root.link("/odd", to: "odd\nname")
    try root.link("/up", to: "../..")
    #expect(try root.aliases(.path("/a/x", .block), .path("/odd/p", .block), .path("/up", .block)) == [])
    #expect(try root.aliases(.path("/up/bin/x", .block), .directory("/up", .block)) == ["0 /bin/x (foreign)", "1 /"])
  }

  @Test(
    "an alias is the image's own if the links are and the target is",
    arguments: ["/bin", "/usr/bin/id", "/sbin", "/usr/sbin"])
  func changed(_ changed: String) throws {
    let root = try Root()
    try root.file("/usr/bin/id")
    try root.file("/usr/sbin/ip")
    try root.link("/bin", to: "usr/bin")
    try root.link("/sbin", to: "usr/sbin")
    let rules: [PathRule] = [.path("/bin/id", .allow), .directory("/sbin", .allow), .path("/bin/id", .audit)]
    func foreign(_ names: String...) -> String { names.contains(changed) ? " (foreign)" : "" }
    let expected = [
      "0 /usr/bin/id\(foreign("/bin", "/usr/bin/id"))", "1 /usr/sbin\(foreign("/sbin", "/usr/sbin"))",
      "2 /usr/bin/id\(foreign("/bin", "/usr/bin/id"))",
    ]
    #expect(try root.aliases(rules[0], rules[1], rules[2], changed: [changed]) == expected)
  }

  @Test("an image whose links say ever more names is not followed for ever")
  func budget() throws {
    let root = try Root()
    for number in 0..<30 {
      try root.link("/l\(number)", to: String(repeating: "d/../", count: 400) + "l\(number + 1)")
    }
    try Files.makeFolder(root.path + "/d")
    #expect(try root.aliases(.path("/l29", .block)) == ["0 /l30 (foreign)"] && !root.areCut)
    #expect(try root.aliases(.path("/l0", .block), .path("/l29", .block)) == [] && root.areCut)
  }

  @Test(
    "what a link into a volume leads to is not the image's own", .enabled(if: getuid() == 0))
  func volume() throws {
    let root = try Root()
    try Files.makeFolder(root.path + "/vol")
    try call("mount") { mount("none", root.path + "/vol", "tmpfs", 0, nil) }
    defer { umount(root.path + "/vol") }
    try root.file("/vol/p")
    try root.link("/app", to: "vol")
    #expect(
      try root.aliases(.path("/app/p", .block), .path("/app/p", .allow)) == [
        "0 /vol/p (foreign)", "1 /vol/p (foreign)",
      ])
  }
}

/// Containers whose roots lead rules to different paths have policies of their own.
struct PolicyVariantTests {
  @Test("the next variant beyond the limit is refused by the profile's name, and leaves nothing")
  func limit() throws {
    var profile = Profile(name: "many", file: "test.yaml")
    profile.process = .section(.allow, .path("/x", .block))
    let compiled = try CompiledProfile(profile)
    let kernel = FakeBackend(tier: .lsm)
    var table = ConfinementTable(kernel: kernel, subjects: SubjectIndex())
    func install(_ aliases: RuleAliases) throws(BackendError) {
      let key = ConfinementTable.PolicyKey(profile: "many", omitted: [], aliases: aliases)
      try table.checkVariants(of: "many", with: aliases)
      _ = try table.install(key, compiled)
    }
    func variant(_ number: Int) -> RuleAliases {
      RuleAliases([RuleAlias(section: .process, rule: 0, path: "/variant/\(number)", isOfImage: true)])
    }
    for number in 0..<ConfinementTable.variantsMaximum { try install(variant(number)) }
    // What is there already is no further variant, and neither is a root without links.
    try install(variant(0))
    try install(RuleAliases())
    let count = try kernel.revisions().count
    let error = #expect(throws: BackendError.self) { try install(variant(-1)) }
    #expect(error?.message.contains("profile many is in force in 64 variants") == true)
    #expect(try kernel.revisions().count == count)
  }
}

/// Policies of containers whose rules have aliases.
@Suite(.enabled(if: EnforcerWorld.isPossible && hasMergedUsr, "needs root, cgroups and a /bin that is a link"))
struct AliasedStartTests {
  private func profile(_ action: Action) -> Profile {
    var profile = Profile(name: "p", file: "test.yaml")
    profile.process = .section(.allow, .path("/bin/stockade-test", action))
    return profile
  }

  @Test("what one container's links make of a text is no other container's policy")
  func unfinished() throws {
    let world = try EnforcerWorld(), other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(world.start("c1"), profile: profile(.block), expectsFilter: false)
    world.kernel.refuseOnce("open")
    #expect(throws: BackendError.self) { try world.enforcer.replace(profile(.audit)) }
    try world.enforcer.activate(other.start("c2"), profile: profile(.audit), expectsFilter: false)
    let unfinished = world.enforcer.table!.withLock { $0.unfinished["p"] }
    #expect(unfinished?.policy == (try CompiledProfile(profile(.audit))).policy)
    #expect(world.enforcer.entry("c2")?.policy?.aliases.all.map(\.path) == ["/usr/bin/stockade-test"])
  }

  @Test("a container that has the newest text is looked at no more")
  func newest() throws {
    let world = try EnforcerWorld(), other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(world.start("c1"), profile: profile(.block), expectsFilter: false)
    try world.enforcer.activate(other.start("c2"), profile: profile(.block), expectsFilter: false)
    world.kernel.refuseOnce("open")
    #expect(throws: BackendError.self) { try world.enforcer.replace(profile(.audit)) }
    let awaiting = world.enforcer.table!.withLock { table in ["c1", "c2"].filter { table.awaited(by: $0) != nil } }
    #expect(awaiting.count == 1)
  }
}

private let hasMergedUsr = (try? Files.link(at: "/bin")) == "usr/bin"
