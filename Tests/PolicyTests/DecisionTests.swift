import Policy
import Testing

@Suite struct ExecDecisions {
  private static let allowList = """
    process:
      defaultAction: Block
      allowEntrypoint: true
      rules:
      - {path: /usr/sbin/nginx, action: Allow}
      - {directory: /usr/lib/app, recursive: true, action: Allow}
      - {directory: /usr/lib/app/debug, recursive: true, action: Audit}
      - {directory: /opt, action: Allow, new: true}
      - {path: /opt/bad, action: Block}
      - {path: /usr/lib/app/debug/x, action: Allow}
    """

  @Test(
    "the most specific rule decides: the exact path, then the longest directory",
    arguments: [
      ("/usr/sbin/nginx", Decision(.allow, .rule, rule: 0)),
      ("/usr/sbin/nginx2", Decision(.block, .defaultAction)),
      ("/usr/sbin/Nginx", Decision(.block, .defaultAction)),
      ("/usr/lib/app/a", Decision(.allow, .rule, rule: 1)),
      ("/usr/lib/app/deep/er/a", Decision(.allow, .rule, rule: 1)),
      ("/usr/lib/app", Decision(.block, .defaultAction)),
      ("/usr/lib/app2", Decision(.block, .defaultAction)),
      ("/usr/lib/app/debug", Decision(.allow, .rule, rule: 1)),
      ("/usr/lib/app/debug/y", Decision(.audit, .rule, rule: 2)),
      ("/usr/lib/app/debug/x", Decision(.allow, .rule, rule: 5)),
      ("/opt/a", Decision(.allow, .rule, rule: 3)),
      ("/opt/a/b", Decision(.block, .defaultAction)),
      ("/opt/bad", Decision(.block, .rule, rule: 4)),
      ("/", Decision(.block, .defaultAction)),
      ("", Decision(.block, .defaultAction)),
    ])
  func specific(path: String, decision: Decision) throws {
    #expect(try profile(Self.allowList).decideExec(path: path) == decision)
  }

  @Test(
    "newExecutables comes before the rules, unless the rule says new",
    arguments: [
      ("/usr/sbin/nginx", Decision(.block, .newExecutables, rule: 0)),
      ("/usr/sbin/other", Decision(.block, .newExecutables)),
      ("/opt/a", Decision(.allow, .rule, rule: 3)),
      ("/opt/bad", Decision(.block, .newExecutables, rule: 4)),
    ])
  func newExecutables(path: String, decision: Decision) throws {
    #expect(try profile(Self.allowList).decideExec(path: path, isNew: true) == decision)
  }

  @Test(
    "newExecutables Audit only makes a decision stricter",
    arguments: [
      ("/a", Decision(.audit, .newExecutables, rule: 0)), ("/b", Decision(.block, .rule, rule: 1)),
      ("/c", Decision(.audit, .rule, rule: 2)), ("/d", Decision(.audit, .newExecutables)),
    ])
  func newAudit(path: String, decision: Decision) throws {
    let profile = try profile(
      """
      process:
        newExecutables: Audit
        rules: [{path: /a, action: Allow}, {path: /b, action: Block}, {path: /c, action: Audit}]
      """)
    #expect(profile.decideExec(path: path, isNew: true) == decision)
  }

  @Test("nothing overrides fileless, and its path means nothing")
  func fileless() throws {
    let strict = try profile(Self.allowList)
    for path in ["/usr/sbin/nginx", "/opt/a", "/x"] {
      #expect(
        strict.decideExec(path: path, isNew: true, isFileless: true, isEntrypoint: true) == Decision(.block, .fileless))
    }
    let lax = try profile("process: {defaultAction: Block, fileless: Allow, rules: [{path: /a, action: Block}]}")
    #expect(lax.decideExec(path: "/a", isFileless: true) == Decision(.allow, .fileless))
  }

  @Test("allowEntrypoint overrides the default only, for the entrypoint only")
  func entrypoint() throws {
    let profile = try profile(Self.allowList)
    #expect(profile.decideExec(path: "/app", isEntrypoint: true) == Decision(.allow, .entrypoint))
    #expect(profile.decideExec(path: "/app") == Decision(.block, .defaultAction))
    #expect(profile.decideExec(path: "/opt/bad", isEntrypoint: true) == Decision(.block, .rule, rule: 4))
    #expect(profile.decideExec(path: "/app", isNew: true, isEntrypoint: true) == Decision(.block, .newExecutables))
  }

  @Test("what the entrypoint's env starts is allowed like the entrypoint, if it is of the image")
  func runByEnv() throws {
    let strict = try profile(Self.allowList)
    #expect(strict.decideExec(path: "/app", isRunByEnv: true) == Decision(.allow, .entrypoint))
    #expect(strict.decideExec(path: "/opt/bad", isRunByEnv: true) == Decision(.block, .rule, rule: 4))
    let withNew = try profile("process: {defaultAction: Block, allowEntrypoint: true, newExecutables: Allow}")
    #expect(withNew.decideExec(path: "/app", isNew: true, isRunByEnv: true) == Decision(.block, .defaultAction))
  }

  @Test("what is mapped need not be listed; of its rule and the argument rules the strictest decides")
  func mapping() throws {
    let profile = try profile(
      """
      process:
        defaultAction: Block
        newExecutables: Block
        rules:
        - {path: /a, action: Allow, arguments: [{equals: x, action: Audit}, {equals: y, action: Block}]}
        - {path: /b, action: Audit, arguments: [{equals: x, action: Allow}]}
        - {path: /c, action: Allow}
      """)
    let decided = ["/a", "/b", "/c", "/d"].map { profile.decideMapping(path: $0) }
    #expect(decided.map(\.action) == [.block, .audit, .allow, .allow])
    #expect(profile.decideMapping(path: "/c", isNew: true) == Decision(.block, .newExecutables, rule: 2))
    #expect(profile.decideMapping(path: "/c", isFileless: true) == Decision(.block, .fileless))
  }

  @Test("of rules with equal rank Block decides, then Audit")
  func ties() throws {
    let profile = try profile(
      """
      process:
        rules:
        - {directory: /a, action: Allow}
        - {directory: /a, recursive: true, action: Block}
        - {directory: /b, recursive: true, action: Allow}
        - {directory: /b, action: Audit}
      """)
    #expect(profile.decideExec(path: "/a/x") == Decision(.block, .rule, rule: 1))
    #expect(profile.decideExec(path: "/b/x") == Decision(.audit, .rule, rule: 3))
    #expect(profile.decideExec(path: "/b/x/y") == Decision(.allow, .rule, rule: 2))
  }

  @Test("paths are compared by their bytes, not by what they look like")
  func bytes() throws {
    let profile = try profile("process: {defaultAction: Block, rules: [{path: /caf\u{e9}, action: Allow}]}")
    #expect(profile.decideExec(path: "/caf\u{e9}").action == .allow)
    #expect(profile.decideExec(path: "/cafe\u{301}").action == .block)
    #expect(profile.decideExec(path: [0x2f, 0xff]).action == .block)
  }

  @Test("a path that is too long is judged like the strictest rule that could have matched")
  func overLong() throws {
    func path(_ count: Int) -> String { "/tmp/" + String(repeating: "a", count: count - 5) }
    let limit = ProcessSection.pathMaxBytes
    let list = try profile("process: {rules: [{directory: /tmp, recursive: true, action: Block}]}")
    #expect(list.decideExec(path: path(limit)) == Decision(.block, .rule, rule: 0))
    #expect(list.decideExec(path: path(limit + 1)) == Decision(.block, .overLongPath))
    let open = try profile("process: {rules: [{path: /bin/su, action: Block}]}")
    #expect(open.decideExec(path: path(limit + 1)) == Decision(.allow, .overLongPath))
    let lax = try profile(
      "process: {newExecutables: Block, rules: [{directory: /tmp, recursive: true, action: Allow, new: true}]}")
    #expect(lax.decideExec(path: path(limit), isNew: true) == Decision(.allow, .rule, rule: 0))
    #expect(lax.decideExec(path: path(limit + 1), isNew: true) == Decision(.block, .newExecutables))
    let closed = try profile("process: {defaultAction: Block, allowEntrypoint: true}")
    #expect(closed.decideExec(path: path(limit + 1), isEntrypoint: true) == Decision(.block, .overLongPath))
  }

  @Test("without a process section every exec is allowed")
  func noSection() throws {
    #expect(
      try profile("mode: Audit").decideExec(path: "/a", isNew: true, isFileless: true) == Decision(.allow, .noSection))
  }
}

@Suite struct FileDecisions {
  private static let spec = """
    file:
      rules:
      - {directory: /etc/secrets, recursive: true, action: Block}
      - {path: /etc/secrets/public, access: [Read], action: Allow}
      - {directory: /data, access: [Write], action: Audit}
    """

  @Test(
    "a rule speaks only of its access, and of several accesses the strictest decides",
    arguments: [
      ("/etc/secrets/key", [.read], Decision(.block, .rule, rule: 0)),
      ("/etc/secrets/public", [.read], Decision(.allow, .rule, rule: 1)),
      ("/etc/secrets/public", [.write], Decision(.block, .rule, rule: 0)),
      ("/etc/secrets/public", [.read, .write], Decision(.block, .rule, rule: 0)),
      ("/etc/secrets", [.read, .write], Decision(.allow, .defaultAction)),
      ("/data/a", [.read], Decision(.allow, .defaultAction)),
      ("/data/a", [.write], Decision(.audit, .rule, rule: 2)),
      ("/data/a/b", [.write], Decision(.allow, .defaultAction)),
      ("/", [.read], Decision(.allow, .defaultAction)),
    ] as [(String, Set<Access>, Decision)])
  func access(path: String, access: Set<Access>, decision: Decision) throws {
    #expect(try profile(Self.spec).decideFile(path: path, access: access) == decision)
  }

  @Test(
    "a folder that is moved counts as what lies in it",
    arguments: [
      ("/etc", .file, .allow), ("/etc", .names, .block), ("/etc", .tree, .block), ("/etc/secrets", .names, .block),
      ("/et", .tree, .allow), ("/data", .names, .audit), ("/data/a", .names, .audit), ("/etc/other", .tree, .allow),
    ] as [(String, FileReach, Action)])
  func moved(path: String, reach: FileReach, action: Action) throws {
    #expect(try profile(Self.spec).decideFile(path: path, access: [.write], reach: reach).action == action)
  }

  @Test("what a directory rule that is not recursive leaves to the default moves with a folder in it")
  func movedByDefault() throws {
    let profile = try profile("file: {defaultAction: Block, rules: [{directory: /data, action: Allow}]}")
    let actions = FileReach.allCases.map { profile.decideFile(path: "/data/a", access: [.write], reach: $0).action }
    #expect(actions == [.allow, .allow, .block])
  }

  @Test("a path over the bound gets the strictest action of the section")
  func overLong() throws {
    let profile = try profile(Self.spec)
    let longest = "/" + String(repeating: "x", count: 4095)
    #expect(profile.decideFile(path: longest, access: [.read]).action == .allow)
    #expect(profile.decideFile(path: longest + "x", access: [.read]) == Decision(.block, .overLongPath))
  }
}

@Suite struct ArgumentDecisions {
  private func decide(_ arguments: [String], by rules: String, action: String = "Allow") throws -> Decision {
    try profile("process: {rules: [{path: /a, action: \(action), arguments: \(rules)}]}")
      .decideExec(path: "/a", arguments: arguments)
  }

  @Test(
    "the first argument rule that matches decides",
    arguments: [
      (["a", "-v"], Decision(.allow, .argument, rule: 0, argument: 0)),
      (["a", "-v", "-x"], Decision(.allow, .argument, rule: 0, argument: 0)),
      (["a", "-x"], Decision(.block, .argument, rule: 0, argument: 1)),
      (["a", "x-"], Decision(.allow, .rule, rule: 0)),
      (["a", "see /dev/tcp/1"], Decision(.audit, .argument, rule: 0, argument: 2)),
      (["/dev/tcp/"], Decision(.audit, .argument, rule: 0, argument: 2)),
      (["a", "/dev", "/tcp/"], Decision(.allow, .rule, rule: 0)),
      ([], Decision(.allow, .rule, rule: 0)),
      ([""], Decision(.allow, .rule, rule: 0)),
    ])
  func first(arguments: [String], decision: Decision) throws {
    let rules = "[{equals: -v, action: Allow}, {prefix: -, action: Block}, {contains: /dev/tcp/, action: Audit}]"
    #expect(try decide(arguments, by: rules) == decision)
  }

  @Test(
    "an index looks at one argument",
    arguments: [
      (["x", "b"], Action.block), (["b", "x"], .allow), (["b"], .allow), (["x", "x", "b"], .allow),
    ])
  func index(arguments: [String], action: Action) throws {
    #expect(try decide(arguments, by: "[{equals: b, index: 1, action: Block}]").action == action)
  }

  @Test(
    "of arguments over the bound the strictest action decides, whatever matches in them",
    arguments: [
      ("[{equals: v, action: Allow}, {equals: b, action: Block}]", Action.allow, Action.block),
      ("[{equals: b, action: Block}, {equals: v, action: Allow}]", .allow, .block),
      ("[{equals: b, action: Audit}]", .allow, .audit),
      ("[{equals: v, action: Allow}]", .audit, .audit),
    ])
  func overLong(rules: String, action: Action, strictest: Action) throws {
    func arguments(_ bytes: Int) -> [String] { ["v", String(repeating: "x", count: bytes - 3)] }
    let limit = PathRule.argumentsMaxBytes
    #expect(try decide(arguments(limit), by: rules, action: action.name).reason != .overLongArguments)
    #expect(
      try decide(arguments(limit + 1), by: rules, action: action.name)
        == Decision(strictest, .overLongArguments, rule: 0))
  }

  @Test("a rule without argument rules does not care how long the arguments are")
  func noArgumentRules() throws {
    let profile = try profile("process: {rules: [{path: /a, action: Allow}]}")
    #expect(
      profile.decideExec(path: "/a", arguments: [String(repeating: "x", count: 5000)])
        == Decision(.allow, .rule, rule: 0))
  }

  @Test("newExecutables still comes before what the arguments allow")
  func new() throws {
    let profile = try profile(
      """
      process:
        newExecutables: Block
        rules: [{path: /a, action: Audit, arguments: [{equals: v, action: Allow}]}]
      """)
    #expect(
      profile.decideExec(path: "/a", isNew: true, arguments: ["v"]) == Decision(.block, .newExecutables, rule: 0))
    #expect(profile.decideExec(path: "/a", arguments: ["v"]).action == .allow)
  }
}

@Suite struct NetworkDecisions {
  private static let spec = """
    network:
      egress:
        defaultAction: Block
        rules:
        - {cidr: 10.0.0.0/8, except: [10.1.0.0/16], action: Allow}
        - {cidr: 10.2.0.0/16, ports: [{port: 22}], action: Block}
        - {cidr: 10.2.0.0/16, action: Audit}
        - {ports: [{protocol: UDP, port: 53}], action: Allow}
        - {cidr: 10.3.0.0/16, ports: [{port: 80, endPort: 90}], action: Allow}
        - {cidr: 10.3.0.0/16, ports: [{port: 85}], action: Block}
        - {cidr: 'fd00::/8', ports: [{protocol: SCTP}], action: Allow}
        - {cidr: 10.1.2.3/32, ports: [{port: 443}], action: Allow}
    """

  @Test(
    "the longest prefix decides, then ports before none, then Block",
    arguments: [
      ("10.9.9.9", 1, .tcp, Decision(.allow, .rule, rule: 0)),
      ("10.9.9.9", 0, nil, Decision(.allow, .rule, rule: 0)),
      ("10.1.9.9", 1, .tcp, Decision(.block, .defaultAction)),
      ("10.1.9.9", 53, .udp, Decision(.allow, .rule, rule: 3)),
      ("10.1.2.3", 443, .tcp, Decision(.allow, .rule, rule: 7)),
      ("10.1.2.3", 443, .udp, Decision(.block, .defaultAction)),
      ("10.2.0.1", 22, .tcp, Decision(.block, .rule, rule: 1)),
      ("10.2.0.1", 22, .udp, Decision(.audit, .rule, rule: 2)),
      ("10.2.0.1", 0, nil, Decision(.audit, .rule, rule: 2)),
      ("10.3.0.1", 79, .tcp, Decision(.allow, .rule, rule: 0)),
      ("10.3.0.1", 80, .tcp, Decision(.allow, .rule, rule: 4)),
      ("10.3.0.1", 85, .tcp, Decision(.block, .rule, rule: 5)),
      ("10.3.0.1", 90, .tcp, Decision(.allow, .rule, rule: 4)),
      ("8.8.8.8", 53, .udp, Decision(.allow, .rule, rule: 3)),
      ("8.8.8.8", 53, .tcp, Decision(.block, .defaultAction)),
      ("2001:db8::1", 53, .udp, Decision(.allow, .rule, rule: 3)),
      ("fd12::1", 7, .sctp, Decision(.allow, .rule, rule: 6)),
      ("fd12::1", 7, .tcp, Decision(.block, .defaultAction)),
      ("fd12::1", 0, nil, Decision(.block, .defaultAction)),
      ("::ffff:10.9.9.9", 1, .tcp, Decision(.allow, .rule, rule: 0)),
    ] as [(String, UInt16, PortRule.TransportProtocol?, Decision)])
  func egress(address: String, port: UInt16, transport: PortRule.TransportProtocol?, decision: Decision) throws {
    let address = try #require(CIDR.address(address))
    let profile = try profile(Self.spec)
    #expect(profile.decideEgress(address: address, port: port, transport: transport) == decision)
    #expect(
      profile.decideIngress(address: address, port: port, transport: transport) == Decision(.allow, .noSection))
  }

  @Test("ingress compares the peer's address and the local port")
  func ingress() throws {
    let profile = try profile(
      "network: {ingress: {defaultAction: Block, rules: [{cidr: 127.0.0.0/8, ports: [{port: 80}], action: Allow}]}}")
    let decide = { profile.decideIngress(address: $0, port: $1, transport: .tcp).action }
    #expect(decide([127, 0, 0, 1], 80) == .allow && decide([127, 0, 0, 1], 81) == .block)
    #expect(decide([128, 0, 0, 1], 80) == .block)
  }

  @Test(
    "bind is refused where ingress refuses every peer",
    arguments: [
      (80, .tcp, .allow), (81, .tcp, .block), (443, .tcp, .allow), (22, .tcp, .block), (53, .udp, .audit),
      (80, .udp, .block),
    ] as [(UInt16, PortRule.TransportProtocol, Action)])
  func bind(port: UInt16, transport: PortRule.TransportProtocol, action: Action) throws {
    let profile = try profile(
      """
      network:
        ingress:
          defaultAction: Block
          rules:
          - {cidr: 10.0.0.0/8, ports: [{port: 80}, {port: 22}], action: Allow}
          - {cidr: 10.0.0.0/8, ports: [{port: 22}], action: Block}
          - {ports: [{port: 443}], action: Allow}
          - {cidr: 'fd00::/8', ports: [{protocol: UDP, port: 53}], action: Audit}
      """)
    #expect(profile.decideBind(port: port, transport: transport).action == action)
  }

  @Test("what bind lists may be bound, and lets no peer in")
  func bindList() throws {
    let profile = try profile(
      "network: {ingress: {defaultAction: Block}, bind: [{protocol: UDP, port: 1024, endPort: 65535}]}")
    #expect(profile.decideBind(port: 1024, transport: .udp).action == .allow)
    #expect(profile.decideBind(port: 1023, transport: .udp).action == .block)
    #expect(profile.decideBind(port: 1024, transport: .tcp).action == .block)
    #expect(profile.decideIngress(address: [10, 0, 0, 1], port: 1024, transport: .udp).action == .block)
    #expect(profile.warnings.isEmpty)
  }

  @Test(
    "bind does nothing where ingress blocks nothing, which is told",
    arguments: [("", 1), ("ingress: {defaultAction: Allow}, ", 1), ("ingress: {defaultAction: Audit}, ", 0)])
  func idleBindList(ingress: String, warnings: Int) throws {
    #expect(try profile("network: {\(ingress)bind: [{port: 53}]}").warnings.count == warnings)
  }
}
