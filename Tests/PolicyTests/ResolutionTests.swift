import Policy
import Testing

@Suite struct Resolution {
  /// Resolves the last of the specs; each is a profile of that name.
  private func resolve(_ specs: [(name: String, spec: String)]) throws -> Profile {
    let layers = try specs.map { try layer($0.spec, name: $0.name) }
    let resolver = ProfileResolver(
      layers: Dictionary(uniqueKeysWithValues: layers.map { ($0.name, $0) }), lookedIn: "profiles")
    return try resolver.resolve(try #require(layers.last))
  }

  private func message(_ specs: [(name: String, spec: String)]) throws -> String? {
    do { _ = try resolve(specs) } catch let error as PolicyError { return error.description }
    return nil
  }

  @Test("the whole format is read")
  func wholeFormat() throws {
    let profile = try profile(
      """
      mode: Audit
      failurePolicy: Ignore
      minimumTier: lsm
      acceptPartial: true
      requireFilter: true
      seccomp:
        type: Inline
        defaultAction: SCMP_ACT_ERRNO
        defaultErrnoRet: 38
        architectures: [SCMP_ARCH_X86_64]
        flags: [SECCOMP_FILTER_FLAG_LOG]
        syscalls:
        - names: [read, write]
          action: SCMP_ACT_ALLOW
          args: [{index: 1, value: 0x10, valueTwo: 18446744073709551615, op: SCMP_CMP_MASKED_EQ}]
        - {names: [mount], action: SCMP_ACT_ERRNO, errnoRet: 1}
      process:
        defaultAction: Block
        allowEntrypoint: true
        newExecutables: Audit
        fileless: Allow
        rules:
        - {directory: /usr/lib/, recursive: true, action: Allow, new: true}
        - path: /bin/sh
          action: Audit
          arguments: [{contains: -c, index: 1, action: Block}]
      file:
        defaultAction: Audit
        rules: [{directory: /, access: [Write], action: Block}]
      network:
        egress:
          defaultAction: Block
          rules: [{cidr: 'fd00::/8', except: ['fd01::/16'], ports: [{port: 1, endPort: 9}, {protocol: UDP}], action: Allow}]
        ingress: {defaultAction: Audit}
        bind: [{protocol: UDP, port: 1024, endPort: 65535}, {port: 9}]
      kernel: {block: [mount, ioUring], otherContainers: Audit}
      """)
    var expected = Profile(name: "web", file: "p.yaml")
    (expected.mode, expected.failurePolicy, expected.minimumTier) = (.audit, .ignore, .lsm)
    (expected.acceptPartial, expected.requireFilter) = (true, true)
    expected.seccomp = wholeFilter()
    expected.process = wholeProcess()
    var slash = PathRule(path: "/", isDirectory: true, action: .block, location: Location(file: "p.yaml", line: 33))
    slash.access = [.write]
    var section = FileSection()
    (section.defaultAction, section.rules) = (.audit, [slash])
    expected.fileAccess = section
    expected.network = wholeNetwork()
    (expected.kernelBlock, expected.otherContainers) = ([.mount, .ioUring], .audit)
    #expect(profile == expected)
  }

  private func wholeFilter() -> SeccompSection {
    var filter = SeccompFilter(defaultAction: "SCMP_ACT_ERRNO")
    (filter.defaultErrno, filter.architectures, filter.flags) = (38, ["SCMP_ARCH_X86_64"], ["SECCOMP_FILTER_FLAG_LOG"])
    var first = SeccompFilter.Rule(names: ["read", "write"], action: "SCMP_ACT_ALLOW")
    first.arguments = [.init(index: 1, value: 16, valueTwo: .max, op: "SCMP_CMP_MASKED_EQ")]
    first.location = Location(file: "p.yaml", line: 17)
    (first.lines.names, first.lines.action, first.lines.arguments) = ([17, 17], 18, [19])
    var second = SeccompFilter.Rule(names: ["mount"], action: "SCMP_ACT_ERRNO")
    second.errnoReturn = 1
    second.location = Location(file: "p.yaml", line: 20)
    (second.lines.names, second.lines.action) = ([20], 20)
    (filter.lines.defaultAction, filter.lines.architectures, filter.lines.flags) = (12, [14], [15])
    (first.index, second.index) = (0, 1)
    filter.syscalls = [first, second]
    return SeccompSection(source: .inline(filter), location: Location(file: "p.yaml", line: 10))
  }

  private func wholeProcess() -> ProcessSection {
    var process = ProcessSection()
    (process.defaultAction, process.allowEntrypoint) = (.block, true)
    (process.newExecutables, process.fileless) = (.audit, .allow)
    var lib = PathRule(
      path: "/usr/lib", isDirectory: true, action: .allow, location: Location(file: "p.yaml", line: 27))
    (lib.recursive, lib.allowNew) = (true, true)
    var shell = PathRule(
      path: "/bin/sh", isDirectory: false, action: .audit, location: Location(file: "p.yaml", line: 28))
    shell.arguments = [ArgumentRule(kind: .contains, text: "-c", index: 1, action: .block)]
    process.rules = [lib, shell]
    return process
  }

  private func wholeNetwork() -> NetworkSection {
    var rule = NetworkRule(action: .allow, location: Location(file: "p.yaml", line: 37))
    rule.cidr = CIDR(bytes: [0xfd] + [UInt8](repeating: 0, count: 15), prefixLength: 8)
    rule.except = [CIDR(bytes: [0xfd, 1] + [UInt8](repeating: 0, count: 14), prefixLength: 16)]
    rule.ports = [.init(transport: .tcp, first: 1, last: 9), .init(transport: .udp, first: 0, last: .max)]
    var egress = NetworkDirection()
    (egress.defaultAction, egress.rules) = (.block, [rule])
    var ingress = NetworkDirection()
    ingress.defaultAction = .audit
    var network = NetworkSection()
    (network.egress, network.ingress) = (egress, ingress)
    network.bind = BindList(
      ports: [.init(transport: .udp, first: 1024, last: .max), .init(transport: .tcp, first: 9, last: 9)],
      location: Location(file: "p.yaml", line: 39))
    return network
  }

  @Test("scalars: the last that is set wins, and what is not set does not count")
  func scalars() throws {
    let joined = try resolve([
      ("a", "mode: Audit\nfailurePolicy: Ignore\nprocess: {defaultAction: Block, allowEntrypoint: true}"),
      ("b", "failurePolicy: Fail\nprocess: {fileless: Audit}"),
      ("c", "extends: [a, b]\nprocess: {allowEntrypoint: false}"),
    ])
    #expect(joined.name == "c" && joined.mode == .audit && joined.failurePolicy == .fail)
    #expect(joined.process?.defaultAction == .block && joined.process?.allowEntrypoint == false)
    #expect(joined.process?.fileless == .audit)
  }

  @Test("the default of newExecutables and fileless follows the joined defaultAction")
  func dependentDefaults() throws {
    let joined = try resolve([
      ("a", "process: {rules: [{path: /a, action: Allow}]}"), ("b", "extends: [a]\nprocess: {defaultAction: Block}"),
    ])
    #expect(joined.process?.newExecutables == .block && joined.process?.fileless == .block)
  }

  @Test("rules are united; the child's replace those with the same match, in their place")
  func rules() throws {
    let joined = try resolve([
      (
        "a",
        """
        process: {rules: [{path: /a, action: Block}, {path: /b, action: Block}]}
        file: {rules: [{path: /f, access: [Read], action: Block}]}
        network:
          egress: {rules: [{cidr: 10.0.0.0/8, ports: [{port: 1}, {port: 2}], action: Block}]}
          bind: [{port: 1}, {port: 2}]
        kernel: {block: [mount, bpf]}
        """
      ),
      (
        "b",
        """
        extends: [a]
        process: {rules: [{path: /c, action: Block}, {path: /a, action: Allow}, {directory: /b, action: Allow}]}
        file: {rules: [{path: /f, action: Allow}]}
        network:
          egress: {rules: [{cidr: 10.0.0.0/8, ports: [{port: 2}, {port: 1}], action: Audit}]}
          ingress: {defaultAction: Block}
          bind: [{port: 3}, {port: 2}]
        kernel: {block: [ptrace, mount]}
        """
      ),
    ])
    #expect(joined.process?.rules.map(\.path) == ["/a", "/b", "/c", "/b"])
    #expect(joined.process?.rules.map(\.action) == [.allow, .block, .block, .allow])
    // Another access is another match; of both, Block decides a read.
    #expect(joined.fileAccess?.rules.map(\.action) == [.block, .allow])
    #expect(joined.network.egress?.rules.map(\.action) == [.audit])
    #expect(joined.network.ingress?.defaultAction == .block)
    #expect(joined.network.bind?.ports.map(\.first) == [1, 2, 3])
    #expect(joined.kernelBlock == [.mount, .bpf, .ptrace])
  }

  @Test(
    "of the families only those remain that each list has",
    arguments: [
      (nil, nil, nil), ("[unix, inet]", nil, [.unix, .inet]), (nil, "[unix]", [.unix]),
      ("[unix, inet]", "[inet, netlink]", [.inet]), ("[unix]", "[inet]", []), ("[unix]", "[]", []),
      ("[local, route]", "[unix, netlink]", [.unix, .netlink]),
    ] as [(String?, String?, Set<SocketFamily>?)])
  func families(_ base: String?, _ own: String?, _ expected: Set<SocketFamily>?) throws {
    func kernel(_ list: String?) -> String { list.map { "kernel: {sockets: \($0)}" } ?? "acceptPartial: false" }
    let joined = try resolve([("a", kernel(base)), ("b", "extends: [a]\n" + kernel(own))])
    #expect(joined.socketFamilies == expected)
  }

  @Test("seccomp is replaced whole")
  func seccomp() throws {
    let joined = try resolve([
      ("a", "seccomp: {type: Inline, defaultAction: SCMP_ACT_ALLOW, flags: [X], replacesPod: true}"),
      ("b", "extends: [a]\nseccomp: {type: RuntimeDefault}"),
    ])
    #expect(joined.seccomp?.source == .runtimeDefault && joined.seccomp?.replacesPod == false)
    let replacing = try resolve([
      ("a", "seccomp: {type: RuntimeDefault}"),
      ("b", "extends: [a]\nseccomp: {type: RuntimeDefault, replacesPod: true}"), ("c", "extends: [b]"),
    ])
    #expect(replacing.seccomp?.replacesPod == true)
  }

  @Test("a base that is reached twice counts once, at its first place")
  func diamond() throws {
    let joined = try resolve([
      ("x", "mode: Enforce"), ("a", "extends: [x]\nmode: Audit"), ("b", "extends: [x]"), ("c", "extends: [a, b]"),
    ])
    #expect(joined.mode == .audit)
  }

  @Test("a cycle, a missing base and what only shows when joined are errors")
  func errors() throws {
    #expect(
      try message([("a", "extends: [b]"), ("b", "extends: [a]"), ("c", "extends: [a]")])
        == "p.yaml:5: extends makes a cycle: a -> b -> a; remove one of its steps")
    #expect(
      try message([("base", "mode: Audit"), ("c", "mode: Audit\nextends: [bsae]")])
        == "p.yaml:6: extends \"bsae\", which does not exist in profiles; did you mean \"base\"?")
    #expect(
      try message([("a", "kernel: {block: [mount]}"), ("b", "extends: [a]\nminimumTier: signal")])
        == "p.yaml:6: minimumTier signal cannot enforce spec.kernel; write fmod_ret or lsm, or leave minimumTier out")
  }

  @Test("extends may be as deep as the limit, not one deeper")
  func depth() throws {
    func chain(_ count: Int) -> [(name: String, spec: String)] {
      (1...count).map { ("p\($0)", $0 == 1 ? "mode: Audit" : "extends: [p\($0 - 1)]") }
    }
    #expect(try resolve(chain(ProfileResolver.depthMax)).mode == .audit)
    #expect(
      try message(chain(ProfileResolver.depthMax + 1))
        == "p.yaml:5: extends is deeper than 8 profiles; join some of them")
  }

  @Test("mode Audit turns every Block of process, file and network into Audit")
  func auditMode() throws {
    let text = """
      process:
        defaultAction: Block
        rules:
        - {path: /a, action: Block}
        - {path: /b, action: Allow, arguments: [{equals: x, action: Block}]}
      file: {defaultAction: Block, rules: [{path: /a, action: Block}]}
      network:
        egress: {defaultAction: Block, rules: [{cidr: 10.0.0.0/8, action: Block}]}
        ingress: {defaultAction: Block}
      """
    let enforced = try profile(text)
    #expect(enforced.applyingMode() == enforced)
    let audited = try profile("mode: Audit\n" + text).applyingMode()
    let process = try #require(audited.process)
    #expect([process.defaultAction, process.newExecutables, process.fileless] == [.audit, .audit, .audit])
    #expect(process.rules.map(\.action) == [.audit, .allow])
    #expect(process.rules[1].arguments.map(\.action) == [.audit])
    #expect(audited.fileAccess?.defaultAction == .audit && audited.fileAccess?.rules[0].action == .audit)
    #expect(audited.network.egress?.defaultAction == .audit && audited.network.egress?.rules[0].action == .audit)
    #expect(audited.network.ingress?.defaultAction == .audit)
  }
}

@Suite struct ProfileLimits {
  @Test("a path of the longest length is read, a byte more is refused")
  func paths() throws {
    let longest = "/" + String(repeating: "a", count: PathSyntax.maxBytes - 1)
    #expect(problems(of: file("process: {rules: [{path: \(longest), action: Block}]}")) == nil)
    #expect(
      problems(of: file("process: {rules: [{path: \(longest)a, action: Block}]}"))?.hasSuffix(
        "has 513 bytes; it may have 512") == true)
    let folder = String(longest.dropLast())
    #expect(problems(of: file("process: {rules: [{directory: \(folder), action: Block}]}")) == nil)
    #expect(problems(of: file("process: {rules: [{directory: \(folder)/, action: Block}]}")) == nil)
    #expect(
      problems(of: file("process: {rules: [{directory: \(longest), action: Block}]}"))?.hasSuffix(
        "has 513 bytes with its slash; it may have 512") == true)
  }

  @Test("an argument text of the longest length is read, a byte more is refused")
  func argumentTexts() {
    func text(_ count: Int) -> String {
      let text = String(repeating: "x", count: count)
      return file("process: {rules: [{path: /a, action: Allow, arguments: [{equals: \(text), action: Block}]}]}")
    }
    #expect(problems(of: text(PathRuleParser.argumentTextMaxBytes)) == nil)
    #expect(
      problems(of: text(PathRuleParser.argumentTextMaxBytes + 1))
        == "p.yaml:5: spec.process.rules[0].arguments[0].equals has 129 bytes; it may have 128")
  }

  @Test(
    "lists of the longest length are read, an element more is refused",
    arguments: [
      (PathRuleParser.argumentsMax, "arguments", "at most 16 fit"),
      (PathRuleParser.rulesMax, "rules", "at most 4096 fit"),
      (NetworkRuleParser.portsMax, "ports", "at most 64 fit"),
      (NetworkRuleParser.exceptMax, "except", "at most 64 fit"),
      (NetworkRuleParser.rulesMax, "network", "at most 512 fit"),
      (SeccompFilter.rulesMax, "syscalls", "at most 1024 fit"),
      (SeccompFilter.namesMax, "names", "at most 1024 fit"),
      (SeccompFilter.argumentsMax, "args", "at most 6 fit"),
      (SeccompFilter.wordsMax, "flags", "at most 32 fit"),
      (ProfileLayer.extendsMax, "extends", "at most 16 fit"),
    ])
  func lists(limit: Int, kind: String, message: String) {
    #expect(problems(of: list(kind, limit))?.contains("fit") != true)
    #expect(problems(of: list(kind, limit + 1))?.hasSuffix(message) == true)
  }

  private func list(_ kind: String, _ count: Int) -> String {
    func many(_ element: (Int) -> String) -> String { "[" + (0..<count).map(element).joined(separator: ", ") + "]" }
    switch kind {
    case "arguments":
      let arguments = many { "{equals: x\($0), action: Block}" }
      return file("process: {rules: [{path: /a, action: Allow, arguments: \(arguments)}]}")
    case "rules": return file("process: {rules: \(many { "{path: /a\($0), action: Block}" })}")
    case "ports":
      return file("network: {egress: {rules: [{ports: \(many { "{port: \($0 + 1)}" }), action: Block}]}}")
    case "except":
      let except = many { "10.\($0).0.0/16" }
      return file("network: {egress: {rules: [{cidr: 10.0.0.0/8, except: \(except), action: Block}]}}")
    case "network":
      return file("network: {egress: {rules: \(many { "{cidr: 10.\($0 / 256).\($0 % 256).0/24, action: Block}" })}}")
    case "names":
      let rule = "{names: \(many { "a\($0)" }), action: A}"
      return file("seccomp: {type: Inline, defaultAction: A, syscalls: [\(rule)]}")
    case "args":
      let rule = "{names: [a], action: A, args: \(many { "{index: 0, value: \($0), op: O}" })}"
      return file("seccomp: {type: Inline, defaultAction: A, syscalls: [\(rule)]}")
    case "flags": return file("seccomp: {type: Inline, defaultAction: A, flags: \(many { "F\($0)" })}")
    case "extends": return file("extends: \(many { "a\($0)" })")
    default:
      let rules = many { "{names: [a\($0)], action: SCMP_ACT_ALLOW}" }
      return file("seccomp: {type: Inline, defaultAction: SCMP_ACT_ERRNO, syscalls: \(rules)}")
    }
  }

  @Test("numbers up to their bound are read")
  func numbers() throws {
    let text = """
      process:
        rules: [{path: /a, action: Allow, arguments: [{equals: a, index: 4095, action: Block}]}]
      seccomp: {type: Inline, defaultAction: A, defaultErrnoRet: 4095}
      network: {egress: {rules: [{ports: [{port: 65535}, {port: 1, endPort: 65535}], action: Block}]}}
      """
    let profile = try profile(text)
    #expect(profile.process?.rules[0].arguments[0].index == PathRuleParser.argumentIndexMax)
    #expect(profile.network.egress?.rules[0].ports.map(\.first) == [65535, 1])
  }

  @Test("a seccomp file name of the longest length is read, a byte more is refused")
  func fileNames() {
    func text(_ count: Int) -> String {
      file("seccomp: {type: Localhost, localhostProfile: \(String(repeating: "a", count: count))}")
    }
    #expect(problems(of: text(SeccompSection.fileNameMaxBytes)) == nil)
    #expect(problems(of: text(SeccompSection.fileNameMaxBytes + 1)) != nil)
  }

  @Test("a name of the longest length is read, a byte more is refused")
  func names() {
    let longest = String(repeating: "a", count: ProfileName.maxBytes)
    #expect(problems(of: file("mode: Audit", name: longest)) == nil)
    #expect(problems(of: file("mode: Audit", name: longest + "a")) != nil)
  }
}

@Suite struct Suggestions {
  @Test(
    "a near word is suggested, a far one is not",
    arguments: [
      ("Alow", "Allow"), ("BLOCK", "Block"), ("Adit", "Audit"), ("Deny", nil), ("", nil),
      (String(repeating: "a", count: 65), nil),
    ])
  func nearest(word: String, suggestion: String?) {
    #expect(Suggestion.nearest(to: word, among: ["Allow", "Audit", "Block"]) == suggestion)
  }
}
