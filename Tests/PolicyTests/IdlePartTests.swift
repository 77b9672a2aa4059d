import Policy
import Testing

private let longName = String(repeating: "n", count: 256)
private let fullName = String(repeating: "n", count: 255)

private func blocking(_ rule: String) -> String { "process: {rules: [{\(rule), action: Block}]}" }
private func file(_ rule: String) -> String { "file: {rules: [{\(rule), action: Block}]}" }
private func argumentRules(_ rules: String...) -> String {
  "process: {rules: [{path: /bin/a, action: Allow, arguments: ["
    + rules.map { "{\($0), action: Block}" }.joined(separator: ", ") + "]}]}"
}
private func egress(_ rules: String...) -> String { "network: {egress: {rules: [\(list(rules))]}}" }
private func ingress(_ rules: String...) -> String { "network: {ingress: {rules: [\(list(rules))]}}" }
private func list(_ rules: [String]) -> String { rules.map { "{\($0)}" }.joined(separator: ", ") }

/// What the text of a profile shows to do nothing, and what is said of it; nil: it acts, and nothing is said.
@Suite struct IdlePartTests {
  @Test(
    "what no program or file can match is told with the reason",
    arguments: [
      (blocking("path: /bin/\(longName)"), "has 256 bytes, and no file's name has more than 255"),
      (blocking("path: /bin/\(fullName)"), nil),
      (file("directory: /\(longName), recursive: true"), "no file's name has more than 255"),
      (file("path: /run/secrets/token/..data/token"), "the kubelet's folder ..data is no part of a path"),
      (file("path: /etc/c/..2026_01_31_09_30_00.123456/key"), "..2026_01_31_09_30_00.123456 is no part"),
      (file("path: /etc/c/..2026/key"), nil),
      (file("path: /proc/self/mem"), "the path of the file is /proc/PID/…; write {directory: /proc, recursive: true}"),
      (file("directory: /proc/thread-self, recursive: true"), "this is a link"),
      (file("path: /proc/mounts"), "this is a link"),
      (file("path: /proc/selfish"), nil),
      (file("path: /proc/1/mem"), nil),
      (file("path: /proc/1/exe"), "what they lead to has its own path"),
      (file("directory: /proc/1/fd"), "what they lead to has its own path"),
      (file("path: /proc/1/fd"), nil),
      (file("directory: /proc, recursive: true"), nil),
      (file("path: /dev/stdin"), "a link to a descriptor of the process that asks"),
      (file("directory: /dev/fd"), "a link to a descriptor of the process that asks"),
      (file("path: /dev/sda"), nil),
      (blocking("path: /proc/1/exe"), "the kernel executes no file of /proc"),
      (blocking("path: /proc/1/environ"), "the kernel executes no file of /proc"),
      (blocking("directory: /proc"), "the kernel executes no file of /proc"),
      (blocking("directory: /, recursive: true"), nil),
    ])
  func paths(spec: String, expected: String?) throws { try check(spec, expected) }

  @Test(
    "what another part of the profile makes void is told with that part",
    arguments: [
      ("process: {allowEntrypoint: true}", "process.allowEntrypoint does nothing: process.defaultAction allows"),
      ("process: {allowEntrypoint: true, defaultAction: Audit}", nil),
      (
        "process: {newExecutables: Block, rules: [{directory: /dev/shm, action: Allow}]}",
        "every file below /dev is new, and newExecutables: Block refuses new files; add new: true"
      ),
      ("process: {newExecutables: Block, rules: [{directory: /dev/shm, action: Allow, new: true}]}", nil),
      ("process: {newExecutables: Block, rules: [{directory: /dev/shm, action: Block}]}", nil),
      ("process: {newExecutables: Audit, rules: [{directory: /dev/shm, action: Allow}]}", nil),
      (
        "process: {rules: [{directory: /srv, recursive: true, action: Block}, {directory: /srv, action: Allow}]}",
        "process.rules[1] Allow /srv does nothing: the Block rule at p.yaml:5 matches the same and decides"
      ),
      ("process: {rules: [{directory: /srv, recursive: true, action: Allow}, {directory: /srv, action: Block}]}", nil),
      (
        "file: {rules: [{directory: /srv, recursive: true, action: Block, access: [Write]}, "
          + "{directory: /srv, action: Allow}]}", nil
      ),
      ("file: {rules: [{path: /a, action: Block, access: [Write]}, {path: /a, action: Allow, access: [Read]}]}", nil),
      ("process: {defaultAction: Block, allowEntrypoint: true, rules: [{path: /bin/a, action: Block}]}", nil),
      ("network: {ingress: {rules: [{ports: [{port: 80}], action: Block}]}, bind: [{port: 53}]}", "ingress allows all"),
      ("network: {ingress: {rules: [{ports: [{port: 53}], action: Block}]}, bind: [{port: 53}]}", nil),
      ("network: {bind: [{port: 53}]}", "spec.network.bind does nothing"),
      ("process: {defaultAction: Block}", "spec.process blocks every program, so no container starts"),
    ])
  func void(spec: String, expected: String?) throws { try check(spec, expected) }

  @Test(
    "an argument rule that no exec reaches is told",
    arguments: [
      (argumentRules("equals: a", "equals: a, index: 1"), "arguments[0] matches whatever this one does"),
      (argumentRules("contains: b", "prefix: abc"), "arguments[0] matches whatever this one does"),
      (argumentRules("prefix: ab", "equals: abc"), "arguments[0] matches whatever this one does"),
      (argumentRules("prefix: ab", "contains: abc"), nil),
      (argumentRules("equals: a, index: 1", "equals: a"), nil),
      (argumentRules("equals: a, index: 1", "equals: a, index: 2"), nil),
      (argumentRules("equals: a, index: 4094"), nil),
      (argumentRules("equals: a, index: 4095"), "lies beyond 4096 bytes, where none is looked at"),
      (argumentRules("prefix: \(String(repeating: "a", count: 128)), index: 3968"), "lies beyond 4096 bytes"),
    ])
  func ofArguments(spec: String, expected: String?) throws { try check(spec, expected) }

  @Test(
    "a network rule that no packet reaches is told",
    arguments: [
      (egress("cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/9], action: Block"), "takes all of 10.0.0.0/8 away"),
      (
        egress("cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/10, 10.192.0.0/10], action: Block"),
        "except takes all of 10.0.0.0/8 away"
      ),
      (egress("cidr: 10.0.0.0/8, except: [10.0.0.0/9, 10.128.0.0/10], action: Block"), nil),
      (egress("cidr: 224.0.0.0/4, action: Block"), nil),
      (ingress("cidr: 224.0.0.0/8, action: Block"), "no peer has such an address"),
      (ingress("cidr: 255.255.255.255/32, action: Block"), "no peer has such an address"),
      (ingress("cidr: 'ff02::1/128', action: Allow"), "no peer has such an address"),
      (
        egress(
          "cidr: 10.0.0.0/8, ports: [{port: 1, endPort: 99}], action: Block",
          "cidr: 10.0.0.0/8, ports: [{port: 80}], action: Allow"),
        "network.egress.rules[1] Allow 10.0.0.0/8 does nothing: the Block rule at p.yaml:5 matches the same"
      ),
      (
        egress("cidr: 10.0.0.0/8, ports: [{port: 80}], action: Allow", "cidr: 10.0.0.0/8, action: Block"), nil
      ),
      (
        egress(
          "cidr: 10.0.0.0/8, ports: [{port: 1, endPort: 99}], action: Block",
          "cidr: 10.1.0.0/16, ports: [{port: 80}], action: Allow"), nil
      ),
      (
        egress("ports: [{port: 80}], action: Block", "cidr: 0.0.0.0/0, ports: [{port: 80}], action: Allow"),
        "network.egress.rules[1] Allow 0.0.0.0/0 does nothing"
      ),
      (
        egress("cidr: 10.0.0.0/8, except: [10.1.0.0/16], action: Block", "cidr: 10.0.0.0/8, action: Allow"), nil
      ),
    ])
  func ofNetwork(spec: String, expected: String?) throws { try check(spec, expected) }

  private func check(_ spec: String, _ expected: String?) throws {
    let told = try profile(spec).warnings.map(\.description)
    guard let expected else { return #expect(told == []) }
    #expect(told.count == 1)
    #expect(told.first?.contains(expected) == true)
    #expect(told.first?.hasPrefix("p.yaml:\(spec.contains("allowEntrypoint: true}") ? 1 : 5): ") == true)
  }

  @Test("a rule of a base that is stricter than the extending profile's is told with its file")
  func overruledByBase() throws {
    let base = try layer("file: {rules: [{path: /a, action: Block}]}", name: "base")
    let resolver = ProfileResolver(layers: ["base": base], lookedIn: "profiles")
    let child = try layer("extends: [base]\nfile: {rules: [{path: /a, access: [Read], action: Allow}]}", name: "child")
    #expect(
      try resolver.resolve(child).warnings.map(\.description) == [
        "p.yaml:6: file.rules[1] Allow /a does nothing: the Block rule at p.yaml:5 matches the same and decides; "
          + "remove one of them"
      ])
  }

  @Test("as many rules as fit are looked at in no time")
  func many() throws {
    let rules = (0..<PathRuleParser.rulesMax).map { "{path: /opt/\($0), action: Block}" }.joined(separator: ", ")
    let profile = try profile("process: {rules: [\(rules)]}")
    let time = ContinuousClock().measure { #expect(profile.idleParts.isEmpty) }
    #expect(time < .seconds(2))
  }
}

/// What a container's root shows to do nothing.
@Suite struct IdleInRootTests {
  @Test(
    "what a rule meets in the image decides whether it does something",
    arguments: [
      (blocking("path: /x"), .file(isProgram: true), nil, false),
      (blocking("path: /x"), .file(isProgram: false), "is no program: nobody may execute it", false),
      (blocking("path: /x"), .folder, "this is a folder, and a path rule is not about what lies in it", false),
      (blocking("path: /x"), .special, "which nobody executes", false),
      (blocking("path: /x/y"), .belowFile("/x"), "\"/x\" is a file, and nothing lies below it", false),
      (blocking("path: /x"), .missing, "the image has nothing there", true),
      (blocking("path: /x"), .unknown, nil, false),
      (blocking("path: /x"), .onMount("/x", type: "ext4"), nil, false),
      (blocking("path: /x"), .onMount("/x", type: "vfat"), "files below \"/x\" have no path, since vfat", false),
      (blocking("directory: /x"), .folder, nil, false),
      (blocking("directory: /x"), .file(isProgram: true), "this is a file, and nothing lies in it", false),
      (blocking("directory: /x"), .special, "this is a file, and nothing lies in it", false),
      (blocking("directory: /x"), .missing, "the image has nothing there", true),
      (file("path: /x"), .file(isProgram: false), nil, false),
      (file("path: /x"), .special, nil, false),
      (file("path: /x"), .folder, "holds for the folder alone", false),
      (file("directory: /x"), .folder, nil, false),
      (file("directory: /x"), .file(isProgram: false), "write {path: /x} for the file itself", false),
      (file("path: /x/y"), .belowFile("/x"), "nothing lies below it", false),
      (file("path: /x"), .missing, "the image has nothing there", true),
      (file("path: /x"), .onMount("/x", type: "exfat"), "have no path, since exfat", false),
      (file("path: /x"), .onMount("/x", type: "tmpfs"), nil, false),
      (
        "process: {newExecutables: Block, rules: [{path: /x, action: Allow}]}", .onMount("/x", type: "ext4"),
        "every file below /x is new", false
      ),
      (
        "process: {newExecutables: Block, rules: [{path: /x, new: true, action: Allow}]}",
        .onMount("/x", type: "ext4"), nil, false
      ),
    ] as [(String, PathFacts, String?, Bool)])
  func facts(spec: String, facts: PathFacts, expected: String?, isNote: Bool) throws {
    let told = try profile(spec).idleParts { _ in facts }
    guard let expected else { return #expect(told == []) }
    #expect(told.count == 1)
    #expect(told.first?.text.contains(expected) == true)
    #expect((told.first?.severity == .note) == isNote)
  }

  @Test("what the text shows already is told once")
  func once() throws {
    let profile = try profile(file("path: /proc/self/mem"))
    #expect(profile.idleParts { _ in .missing } == profile.idleParts)
  }
}

/// What does nothing in the node's configuration and in a pod's annotations.
@Suite struct IdleConfigurationTests {
  @Test(
    "a binding that no container can reach is told",
    arguments: [
      ("bindings: [{namespaces: ['team-*'], profile: a}]", "Kubernetes has no namespace of a name like \"team-*\""),
      ("bindings: [{namespaces: [Team], profile: a}]", "Kubernetes has no namespace"),
      ("bindings: [{namespaces: ['team-*', team], profile: a}]", nil),
      ("bindings: [{podLabels: {app: 'web*'}, profile: a}]", "Kubernetes has no label \"app=web*\""),
      ("bindings: [{podLabels: {app.example/name: ''}, profile: a}]", nil),
      ("bindings: [{podLabels: {a/b/c: x}, profile: a}]", "Kubernetes has no label \"a/b/c=x\""),
      (
        "bindings: [{name: all, profile: a}, {name: some, namespaces: [x], profile: b}]",
        "the profile of binding \"some\" does nothing: binding \"all\" comes first"
      ),
      ("bindings: [{name: all, profile: a}, {namespaces: [x], required: true, profile: b}]", nil),
      ("bindings: [{namespaces: [x], profile: a}, {required: true, profile: b}]", "the profile of binding"),
      ("bindings: [{namespaces: [x], profile: a}, {profile: b}]", nil),
      ("bindings: [{allowedProfiles: [a]}, {namespaces: [x], profile: b}]", nil),
      ("bindings: [{images: ['nginx:*'], profile: a}, {images: ['nginx:*'], profile: b}]", "comes first"),
      ("defaultProfile: a\nbindings: [{name: all, profile: b}]", "defaultProfile does nothing"),
      ("defaultProfile: a\nbindings: [{namespaces: [x], profile: b}]", nil),
    ])
  func bindings(text: String, expected: String?) throws {
    let told = try NodeConfiguration.parse(Array(text.utf8), file: "node.yaml").idleParts.map(\.text)
    guard let expected else { return #expect(told == []) }
    #expect(told.count == 1)
    #expect(told.first?.contains(expected) == true)
  }

  @Test("a name that no profile has is told with what follows from it")
  func missing() throws {
    let text = """
      defaultProfile: a
      allowedProfiles: [b, here, unconfined]
      bindings: [{name: x, profile: c}, {name: y, profile: unconfined}, {name: z, allowedProfiles: [d]}]
      """
    let told = try NodeConfiguration.parse(Array(text.utf8), file: "node.yaml").missingProfiles { $0 == "here" }
    #expect(
      told.map(\.subject) == [
        "defaultProfile", "allowedProfiles", "binding \"x\"", "allowedProfiles of binding \"z\"",
      ])
    #expect(told.map { $0.text.contains("are refused") } == [true, false, true, false])
  }

  @Test("an annotation beside a more specific one of the whole pod is told")
  func doubled() {
    let pod = PodContext(namespace: "n", annotations: [Annotation.all: "a", Annotation.pod: "b"])
    #expect(pod.idleAnnotations.map(\.subject) == ["annotation profile.stockade.dev"])
    #expect(PodContext(namespace: "n", annotations: [Annotation.all: "a"]).idleAnnotations == [])
  }

  @Test(
    "an annotation for a container with nearly this name is told, unless the container has one of its own",
    arguments: [("database", true), ("databse", false), ("web", false)])
  func misspelt(container: String, isTold: Bool) {
    let pod = PodContext(namespace: "n", annotations: ["profile.stockade.dev/container.databse": "a"])
    #expect((pod.misspelt(for: container) != nil) == isTold)
  }

  @Test("an annotation that a required binding overrides is told, unless both say the same")
  func overridden() throws {
    let configuration = try NodeConfiguration.parse(
      Array("bindings: [{name: x, required: true, profile: a}]".utf8), file: "node.yaml")
    for (profile, isTold) in [("b", true), ("a", false)] {
      let pod = PodContext(namespace: "n", annotations: [Annotation.pod: profile])
      let choice = try configuration.choose(pod: pod, container: ContainerContext(name: "c"))
      #expect((choice.idleAnnotation(of: pod, for: "c") != nil) == isTold)
    }
  }

  @Test("no more names of one pod are followed than the limit")
  func limit() {
    let names = (0...PodContext.annotatedMax).map { ("profile.stockade.dev/container.c\($0)", "a") }
    let pod = PodContext(namespace: "n", annotations: Dictionary(uniqueKeysWithValues: names))
    #expect(pod.annotatedContainers.count == PodContext.annotatedMax)
  }
}
