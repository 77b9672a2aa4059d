import Daemon
import InMemoryLogging
import Logging
import Policy
import Testing

private let seccomp = "metadata: {name: p}\nspec: {seccomp: {type: RuntimeDefault}}\n"
private let exec = "metadata: {name: p}\nspec: {process: {rules: [{path: /bin/id, action: Block}]}}\n"

/// On a node that takes no BPF: no pins can be made in a folder that is missing.
private func node(_ log: InMemoryLogHandler) throws -> Node {
  try Node(pinFolder: "/nowhere/stockade", runtimeMountNamespace: 1, log: Logger(label: "test") { _ in log })
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
