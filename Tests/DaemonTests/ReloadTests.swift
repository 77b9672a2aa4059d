import InMemoryLogging
import Logging
import Policy
import Testing

@testable import Daemon

private let seccomp = "metadata: {name: p}\nspec: {seccomp: {type: RuntimeDefault}}\n"
private let exec = "metadata: {name: p}\nspec: {process: {rules: [{path: /bin/id, action: Block}]}}\n"

/// On a node that takes no BPF: no pins can be made in a folder that is missing.
private func node(_ log: InMemoryLogHandler) throws -> ConfinedNode {
  try ConfinedNode(pinFolder: "/nowhere/stockade", runtimeMountNamespace: 1, log: Logger(label: "test") { _ in log })
}

@Suite struct ReloadTests {
  @Test("a new text that the node cannot enforce is refused with the reason, and new containers get the old one")
  func refused() throws {
    let folder = try ProfilesFolder([seccomp])
    let (library, log) = (folder.library, InMemoryLogHandler())
    let node = try node(log)
    node.reload(library)
    let old = try library.profile(named: "p")
    try folder.write(exec)
    node.reload(library)
    #expect(try library.profile(named: "p") == old)
    let entry = log.entries.last { $0.level == .error }
    #expect(entry?.metadata["reason"].map { "\($0)".contains("process.rules[0] Block /bin/id") } == true)

    try folder.write(seccomp.replacing("RuntimeDefault}", with: "RuntimeDefault}, mode: Audit"))
    node.reload(library)
    #expect(try library.profile(named: "p").profile.mode == .audit, "the next text is judged anew")
  }

  @Test("a profile that the node cannot enforce and nobody uses is no error")
  func unused() throws {
    let folder = try ProfilesFolder([exec])
    let (library, log) = (folder.library, InMemoryLogHandler())
    let node = try node(log)
    log.clear()
    node.reload(library)
    #expect(try library.profile(named: "p").profile.process != nil)
    #expect(!log.entries.contains { $0.level >= .warning })
  }

  @Test("a profile under which nothing can start is loaded, and warned of in the log")
  func nothingStarts() throws {
    let folder = try ProfilesFolder(["metadata: {name: p}\nspec: {process: {defaultAction: Block}}\n"])
    let (library, log) = (folder.library, InMemoryLogHandler())
    let node = try node(log)
    node.reload(library)
    #expect(library.names == ["p"])
    let warning = log.entries.first { $0.level == .warning && $0.message == "profile" }
    #expect(
      warning?.metadata["problem"].map { "\($0)" }
        == "\(folder.path)/0.yaml:4: spec.process blocks every program, so no container starts; "
        + "add allowEntrypoint: true, or a rule with action Allow")
    log.clear()
    node.reload(library)
    #expect(!log.entries.contains { $0.message == "profile" }, "told once, until the text changes")
  }

  @Test("a text whose rules do not fit the kernel's tables is refused when it is read, and the old one stays")
  func tables() throws {
    let folder = try ProfilesFolder([exec])
    let library = folder.library
    _ = library.reload()
    let old = try library.profile(named: "p")
    let ports = (0..<33).map { "{port: \(1000 + 2 * $0)}" }.joined(separator: ", ")
    try folder.write(
      "metadata: {name: p}\nspec: {network: {ingress: {rules: [{ports: [\(ports)], action: Block}]}}}\n")
    let messages = library.reload().messages
    #expect(
      messages.count == 1 && messages[0].hasPrefix("\(folder.path)/0.yaml:4: spec.network.ingress blocks 33 separate"))
    #expect(messages[0].hasSuffix("(the last good version stays in force)"))
    #expect(try library.profile(named: "p") == old)
  }

  @Test("what is wrong with the filter of a base is told once, not for each profile that extends it")
  func sharedFilter() throws {
    let broken = "spec: {seccomp: {type: Localhost, localhostProfile: none.json}}\n"
    let folder = try ProfilesFolder([
      "metadata: {name: base}\n" + broken, "metadata: {name: a}\nspec: {extends: [base], mode: Enforce}\n",
      "metadata: {name: b}\nspec: {extends: [base], mode: Audit}\n",
    ])
    let library = folder.library
    #expect(library.reload().messages.count == 1)
    #expect(library.names == [])
    #expect(throws: Refusal.self) { try library.profile(named: "b") }
  }

  @Test("a container whose profile has many errors is refused with the first and their number, in one line")
  func summary() throws {
    let rules = "{names: [raed], action: SCMP_ACT_ALLOW}, {names: [wirte], action: SCMP_ACT_ALOW}"
    let folder = try ProfilesFolder([
      "metadata: {name: p}\nspec: {seccomp: {type: Inline, defaultAction: SCMP_ACT_ERRNO, syscalls: [\(rules)]}}\n",
      "metadata: {name: q}\nspec: {extends: [alpha, omega]}\n",
    ])
    let library = folder.library
    #expect(library.reload().messages.count == 5)
    let ofFilter = #expect(throws: Refusal.self) { try library.profile(named: "p") }
    #expect(
      ofFilter?.description
        == "profile \"p\": \(folder.path)/0.yaml:4: unknown syscall \"raed\"; did you mean \"read\"? "
        + "(and 2 more, in the log)")
    let ofBases = #expect(throws: Refusal.self) { try library.profile(named: "q") }
    #expect(ofBases?.description.hasSuffix("add it or remove it here (and 1 more, in the log)") == true)
  }

  @Test("of a new text it is told for each running container what would refuse it, and each rule that is lost")
  func told() throws {
    let log = InMemoryLogHandler()
    let rules = "process: {rules: [{path: /bin/id, action: Block}]}, network: {egress: {defaultAction: Block}}"
    let library = try library([
      "metadata: {name: strict}\nspec: {\(rules)}\n",
      "metadata: {name: lenient}\nspec: {failurePolicy: Ignore, \(rules)}\n",
    ])
    var facts = ContainerFacts()
    facts.networkFailure = "cannot attach"
    let subject = Subject(
      containerID: "c1", containerName: "app", podName: "web", podNamespace: "shop", podUID: "", image: "")
    for name in ["strict", "lenient"] {
      let assessment = try library.profile(named: name).profile.assess(
        node: NodeCapabilities(tier: .lsm), container: facts)
      Logger(label: "test") { _ in log }.report(newText: assessment, of: subject)
    }
    #expect(log.entries.map(\.level) == [.error, .warning])
    #expect(log.entries[0].metadata["reason"] == "profile \"strict\": cannot attach")
    #expect(log.entries[1].metadata["gap"].map { "\($0)".hasPrefix("network.egress.defaultAction Block") } == true)
    for entry in log.entries {
      #expect(["pod", "container", "id"].map { entry.metadata[$0] } == ["shop/web", "app", "c1"])
    }
  }

  @Test("of two texts that the node cannot enforce the new one is told of")
  func bothRefused() throws {
    let folder = try ProfilesFolder([exec])
    let library = folder.library
    let node = try node(InMemoryLogHandler())
    node.reload(library)
    try folder.write(exec.replacing("/bin/id", with: "/bin/ls"))
    node.reload(library)
    #expect(try library.profile(named: "p").profile.process?.rules.map(\.path) == ["/bin/ls"])
  }
}
