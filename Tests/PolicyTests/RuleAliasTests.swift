import Policy
import PolicyTesting
import Testing

/// What rules mean where links of a container's root lead them to other paths.
struct RuleAliasTests {
  private func profile(_ rules: PathRule..., otherwise: Action = .allow, new: Action = .allow) -> Profile {
    var profile = Profile(name: "p", file: "test.yaml")
    profile.process = .section(otherwise, new: new)
    profile.process!.rules = rules
    return profile
  }

  private func alias(_ rule: Int, _ path: String, isOfImage: Bool = true) -> RuleAlias {
    RuleAlias(section: .process, rule: rule, path: path, isOfImage: isOfImage)
  }

  @Test(
    "Block and Audit hold at both spellings, and events name the rule that is written",
    arguments: [Action.block, .audit])
  func restrictions(_ action: Action) {
    let profile = profile(.path("/bin/id", .allow), .path("/bin/su", action))
      .following(RuleAliases([alias(1, "/usr/bin/su", isOfImage: false)]))
    for path in ["/bin/su", "/usr/bin/su"] {
      #expect(profile.decideExec(path: path) == Decision(action, .rule, rule: 1))
    }
    #expect(profile.decideExec(path: "/usr/bin/id").reason == .defaultAction)
  }

  @Test("a folder's rule holds in the folder that a link leads to", arguments: [true, false])
  func folders(_ isRecursive: Bool) {
    let profile = profile(.directory("/bin", .block, recursive: isRecursive))
      .following(RuleAliases([alias(0, "/usr/bin")]))
    #expect(profile.decideExec(path: "/usr/bin/id").action == .block)
    #expect(profile.decideExec(path: "/usr/bin/d/id").action == (isRecursive ? .block : .allow))
    #expect(profile.decideExec(path: "/usr/id").action == .allow)
  }

  @Test("Allow follows a link of the image, and no other")
  func allow() {
    let written = profile(.path("/bin/id", .allow), .path("/bin/su", .allow), otherwise: .block)
    let profile = written.following(
      RuleAliases([alias(0, "/usr/bin/id"), alias(1, "/usr/bin/su", isOfImage: false)]))
    #expect(profile.decideExec(path: "/usr/bin/id") == Decision(.allow, .rule, rule: 0))
    #expect(profile.decideExec(path: "/usr/bin/su").action == .block)
  }

  @Test("new: true follows none")
  func new() {
    let profile = profile(.path("/app/tool", .allow, new: true), otherwise: .block, new: .block)
      .following(RuleAliases([alias(0, "/opt/tool")]))
    #expect(profile.decideExec(path: "/app/tool", isNew: true).action == .allow)
    for isNew in [true, false] { #expect(profile.decideExec(path: "/opt/tool", isNew: isNew).action == .block) }
  }

  @Test(
    "an argument that a rule blocks stays blocked: by its rule, or with every other argument", arguments: [true, false])
  func arguments(_ isOfImage: Bool) {
    let rule = PathRule.path("/bin/sh", .allow, .init(kind: .equals, text: "-c", index: nil, action: .block))
    let profile = profile(rule).following(RuleAliases([alias(0, "/usr/bin/sh", isOfImage: isOfImage)]))
    #expect(profile.decideExec(path: "/usr/bin/sh", arguments: ["sh", "-c"]).action == .block)
    #expect(profile.decideExec(path: "/usr/bin/sh", arguments: ["sh"]).action == (isOfImage ? .allow : .block))
    #expect(profile.decideExec(path: "/bin/sh", arguments: ["sh"]).action == .allow)
  }

  @Test("of a rule that names the file and one that leads to it, the strictest holds")
  func both() {
    for (named, leading) in [(Action.allow, Action.block), (.block, .allow)] {
      let profile = profile(.path("/usr/bin/id", named), .path("/bin/id", leading))
        .following(RuleAliases([alias(1, "/usr/bin/id")]))
      #expect(profile.decideExec(path: "/usr/bin/id").action == .block)
    }
  }

  @Test("a file's rule protects the folders above both spellings")
  func files() {
    var profile = Profile(name: "p", file: "test.yaml")
    profile.fileAccess = FileSection()
    profile.fileAccess!.rules = [.path("/etc/app/key", .block)]
    let followed = profile.following(
      RuleAliases([RuleAlias(section: .file, rule: 0, path: "/data/app/key", isOfImage: false)]))
    #expect(followed.decideFile(path: "/data/app/key", access: [.read]) == Decision(.block, .rule, rule: 0))
    #expect(followed.decideFile(path: "/data/app", access: [.write], reach: .tree).action == .block)
    #expect(followed.decideFile(path: "/data/other", access: [.read]).action == .allow)
  }

  @Test("the effects name rule, file, line and path")
  func effects() {
    let profile = profile(.path("/bin/id", .block), .path("/bin/su", .allow))
    let effects = profile.effects(of: RuleAliases([alias(0, "/usr/bin/id"), alias(1, "/vol/su", isOfImage: false)]))
    #expect(effects.held == ["process.rules[0] Block /bin/id (test.yaml:1) at /usr/bin/id"])
    #expect(effects.wide == [])
    #expect(
      effects.idle.map(\.description) == [
        "test.yaml:1: process.rules[1] Allow /bin/su allows nothing: a link leads it to \"/vol/su\", which is no file of "
          + "the image's own; name /vol/su in the rule, if you trust what is there"
      ])
  }

  @Test("a rule that blocks a program with other names is told apart: by its action, or by an argument rule")
  func wide() {
    let argument = ArgumentRule(kind: .equals, text: "-e", index: nil, action: .block)
    let profile = profile(.path("/bin/wget", .block), .path("/bin/nc", .allow, argument), .path("/bin/vi", .allow))
    let effects = profile.effects(of: RuleAliases((0..<3).map { alias($0, "/bin/busybox") }))
    #expect(
      effects.wide == [
        "process.rules[0] Block /bin/wget (test.yaml:1) at /bin/busybox",
        "process.rules[1] Allow /bin/nc (test.yaml:1) at /bin/busybox",
      ])
    #expect(effects.held == ["process.rules[2] Allow /bin/vi (test.yaml:1) at /bin/busybox"])
  }

  @Test("where rules that allow meet, no argument that one of them blocks is lost", arguments: [true, false])
  func meeting(_ namedFirst: Bool) {
    let blocked = ArgumentRule(kind: .equals, text: "-c", index: nil, action: .block)
    let rules: [PathRule] = [.path("/usr/bin/dash", .allow), .path("/bin/sh", .allow, blocked)]
    let profile = profile(namedFirst ? rules[0] : rules[1], namedFirst ? rules[1] : rules[0])
      .following(RuleAliases([alias(namedFirst ? 1 : 0, "/usr/bin/dash")]))
    #expect(profile.decideExec(path: "/usr/bin/dash", arguments: ["sh", "-c"]).action == .block)
    #expect(profile.decideExec(path: "/usr/bin/dash", arguments: ["sh"]).action == .allow)
  }

  @Test("where both that meet have argument rules, the strictest of these holds for any arguments")
  func meetingArguments() {
    func rule(_ path: String, _ text: String, _ action: Action) -> PathRule {
      .path(path, .allow, ArgumentRule(kind: .equals, text: text, index: nil, action: action))
    }
    let profile = profile(rule("/bin/sh", "-c", .audit), rule("/bin/nc", "-e", .block))
      .following(RuleAliases([alias(0, "/bin/busybox"), alias(1, "/bin/busybox")]))
    #expect(profile.decideExec(path: "/bin/busybox", arguments: ["sh"]).action == .block)
    #expect(profile.decideExec(path: "/bin/sh", arguments: ["sh"]).action == .allow)
  }

  @Test("another text keeps the aliases of rules that it has as well, if they are the image's own")
  func kept() {
    let old = profile(.path("/bin/id", .block), .path("/bin/su", .block), .path("/bin/nc", .block))
    let new = profile(.path("/opt/x", .allow), .path("/bin/nc", .audit), .path("/bin/id", .block))
    let former = RuleAliases([
      alias(0, "/usr/bin/id"), alias(1, "/usr/bin/su"), alias(2, "/made/nc", isOfImage: false),
    ])
    #expect(
      new.aliases(RuleAliases([alias(1, "/tmp/nc", isOfImage: false)]), keeping: former, of: old).all
        == [alias(1, "/tmp/nc", isOfImage: false), alias(2, "/usr/bin/id")])
    #expect(new.aliases(RuleAliases([alias(2, "/usr/bin/id")]), keeping: former, of: old).all.count == 1)
  }

  @Test("aliases are equal if and only if all of them are")
  func equality() {
    let one = RuleAliases([alias(0, "/a"), alias(1, "/b")])
    #expect(one == RuleAliases([alias(0, "/a"), alias(1, "/b")]))
    #expect(Set([one, RuleAliases([alias(0, "/a"), alias(1, "/b")])]).count == 1)
    #expect(one != RuleAliases([alias(0, "/a")]))
    #expect(one != RuleAliases([alias(0, "/a"), alias(1, "/b", isOfImage: false)]))
  }
}

struct RulePathTests {
  private func paths(_ rules: [PathRule]) -> RulePaths {
    var profile = Profile(name: "p", file: "test.yaml")
    profile.process = .section(.block)
    profile.process!.rules = rules
    return RulePaths(of: profile)
  }

  @Test("each folder is listed once, behind the folder above it")
  func folders() {
    let paths = paths([.path("/usr/bin/id", .allow), .path("/usr/lib/x", .allow), .directory("/usr/bin", .allow)])
    #expect(paths.folders.map(\.name) == ["usr", "bin", "lib"])
    #expect(paths.folders.map(\.parent) == [nil, 0, 0])
    #expect(paths.rules.map(\.folder) == [1, 2, 1])
    #expect(paths.rules.map(\.name) == ["id", "x", nil])
    #expect(paths.firstLeftOut == nil)
  }

  @Test("rules of the container's root need no folder")
  func root() {
    let paths = paths([.directory("/", .allow), .path("/init", .allow)])
    #expect(paths.folders.isEmpty)
    #expect(paths.rules.map(\.folder) == [nil, nil])
  }

  @Test("the first rule that has no room is told, and rules in listed folders still have theirs")
  func limit() {
    var rules = (0..<RulePaths.foldersMaximum).map { PathRule.path("/f\($0)/p", .block) }
    #expect(paths(rules).firstLeftOut == nil)
    rules.append(.path("/one-more/p", .block))
    rules.append(.path("/f0/q", .block))
    let paths = paths(rules)
    #expect(paths.firstLeftOut == rules[RulePaths.foldersMaximum].location)
    #expect(paths.folders.count == RulePaths.foldersMaximum && paths.rules.count == rules.count - 1)
  }
}
