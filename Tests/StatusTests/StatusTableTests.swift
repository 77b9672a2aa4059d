import Status
import System
import Testing

private let node: NodeStatus = {
  var status = NodeStatus()
  status.version = "1.2.3"
  status.instance = "abc"
  status.startNanoseconds = 1_000_000_000
  status.mode = .kept
  (status.tier.claimed, status.tier.proved) = ("signal", "signal")
  status.tier.reason = "no LSM"
  status.runtime.isConnected = true
  (status.runtime.name, status.runtime.version) = ("containerd", "2.3.1")
  (status.runtime.nriVersion, status.runtime.seccomp) = ("0.12.0", "all of a filter")
  status.profiles.areRead = true
  status.profiles.count = 3
  status.containers = [
    .init(profile: "", state: .open, count: 2), .init(profile: "web", state: .closing, count: 1),
  ]
  status.losses = [.init("eventsDroppedRate", 7), .init("flowsFull", 0)]
  status.misses = [.init("exec_signal", 0)]
  status.tables = [.init("gates", 1, of: 10), .init("policies", 9, of: 10), .init("strays", 0, of: 10)]
  return status
}()

@Suite("what commands print of a node")
struct StatusTableTests {
  @Test("one screen of a node that is protected")
  func screen() {
    #expect(
      node.table(requiredPlugin: "stockade is required", nowNanoseconds: 8_000_000_000_000) == """
        protected        yes
        tier             signal: no LSM
        network rules    enforced
        runtime          containerd 2.3.1, NRI 0.12.0, connected; seccomp: all of a filter
        stockade         1.2.3, kept, up 2 h
        required plugin  stockade is required
        node gate        not wanted
        profiles         3 loaded
        containers       2 without a profile
                         1 web, closing
        audits           none
        lost             7 eventsDroppedRate
        skipped          nothing
        fullest tables   policies: 9 of 10
                         gates: 1 of 10
                         strays: 0 of 10

        """)
  }

  @Test("why a node is not protected stands first, and no text steers a terminal")
  func problems() {
    var status = node
    status.problems = ["the runtime is not connected", "profile \"a\u{1b}[2J\""]
    status.runtime.isConnected = false
    status.tier.proved = "lsm"
    status.nodeGate.isWanted = true
    status.nodeGate.openUntilNanoseconds = 60_000_000_000
    status.profiles.problems = ["x"]
    var audit = AuditStatus()
    (audit.scope, audit.subject, audit.untilNanoseconds, audit.reason) = ("pod", "shop/web", 60_000_000_000, "a test")
    (audit.callerUID, audit.callerPID) = (0, 7)
    status.audits = [audit]
    let lines = status.table(requiredPlugin: nil, nowNanoseconds: 61_000_000_000).split(separator: "\n")
    #expect(
      lines.prefix(7) == [
        "protected       NO", "                the runtime is not connected", "                profile \"a\\u{1B}[2J\"",
        "tier            signal (lsm was proved): no LSM", "network rules   enforced", "runtime         not connected",
        "stockade        1.2.3, kept, up 60 s",
      ])
    #expect(
      lines.contains(
        "node gate       OPEN, though the configuration wants it closed; all gates are open until "
          + "1970-01-01T00:01:00.000000000Z"))
    #expect(lines.contains("profiles        3 loaded, 1 problems"))
    #expect(
      lines.contains("audits          pod shop/web until 1970-01-01T00:01:00.000000000Z: a test, by user 0"))
  }

  @Test("the same for programs")
  func json() {
    let text = node.json.text
    #expect(text.hasPrefix(#"{"protected":true,"problems":[],"version":"1.2.3","instance":"abc","startTime":"#))
    #expect(text.contains(#""containers":[{"profile":"","state":"open","count":2},"#))
    #expect(text.contains(#""losses":{"eventsDroppedRate":7,"flowsFull":0},"misses":{"exec_signal":0}"#))
    #expect(node.json.yaml.contains("\ncontainers:\n  - profile: \"\"\n    state: \"open\"\n    count: 2\n"))
  }

  private static let container: ContainerStatus = {
    var container = ContainerStatus()
    (container.id, container.name, container.image) = ("0123456789abcdef", "app", "shop:1")
    (container.podNamespace, container.podName, container.podUID) = ("shop", "web-1", "u")
    (container.profile, container.cgroupID, container.hasOlderText) = ("web", 7, true)
    return container
  }()

  @Test("containers are listed by pod, and one is told with what is not enforced for it")
  func containers() {
    var other = Self.container
    (other.id, other.podNamespace, other.profile, other.hasOlderText) = ("ff", "a", "", false)
    #expect(
      ContainerStatus.table([Self.container, other]) == """
        ID             NAMESPACE  POD    CONTAINER  PROFILE  STATE
        ff             a          web-1  app        -        open
        0123456789abc  shop       web-1  app        web      open, older text

        """)
    #expect(
      ContainerDetails(Self.container, gaps: ["one", "two"]).table == """
        id            0123456789abcdef
        container     app
        pod           shop/web-1
        pod uid       u
        image         shop:1
        profile       web
        state         open, older text
        cgroup        7
        not enforced  one
                      two

        """)
    #expect(ContainerDetails(Self.container, gaps: []).table.hasSuffix("not enforced  nothing\n"))
  }
}
