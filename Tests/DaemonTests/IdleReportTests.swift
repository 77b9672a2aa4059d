import Daemon
import Enforcement
import EnforcementTesting
import Events
import Glibc
import Logging
import InMemoryLogging
import NRI
import Policy
import Synchronization
import System
import Testing

/// The annotation for the container of this name.
private func annotation(_ name: String) -> String { "profile.stockade.dev/container.\(name)" }

private final class Told: Sendable {
  private let events = Mutex<[Events.Event]>([])
  let hub = EventHub()

  init() {
    hub.subscribe("test", .events { [self] event in events.withLock { $0.append(event) } })
  }

  var idle: [IdleRecord] {
    hub.flush(milliseconds: 1000)
    return events.withLock { events in
      events.compactMap { if case .idle(let record) = $0 { record } else { nil } }
    }
  }
}

@Suite struct IdleReportTests {
  private let log = InMemoryLogHandler()
  private let told = Told()
  private var logger: Logger { Logger(label: "test") { [log] _ in log } }

  private func profile(_ name: String = "web", rules: Int = 1) -> Profile {
    var profile = Profile(name: name, file: "web.yaml")
    var file = FileSection()
    file.rules = (0..<rules).map {
      PathRule(
        path: "/proc/self/\($0)", isDirectory: false, action: .block, location: Location(file: "web.yaml", line: $0 + 1)
      )
    }
    profile.fileAccess = file
    return profile
  }

  private func subject(_ image: String) -> Subject {
    Subject(containerID: "c1", containerName: "app", podName: "web", podNamespace: "shop", podUID: "u", image: image)
  }

  @Test("what does nothing is told once for each profile, text and image, by log and event")
  func once() {
    let reports = IdleReports(told.hub, logger)
    for image in ["nginx:1", "nginx:1", "nginx:2"] {
      reports.look(profile(), of: subject(image), pid: UInt32(getpid()))
    }
    reports.look(profile(rules: 2), of: subject("nginx:1"), pid: UInt32(getpid()))
    reports.finish(milliseconds: 10_000)
    #expect(told.idle.map(\.subject.image) == ["nginx:1", "nginx:2", "nginx:1", "nginx:1"])
    #expect(told.idle[0].what.hasPrefix("web.yaml:1: file.rules[0] Block /proc/self/0 matches nothing: "))
    #expect(told.idle[0].profile == "web")
    let warned = log.entries.filter { $0.level == .warning }
    #expect(warned.map { "\($0.metadata["problem"] ?? "")" } == told.idle.map(\.what))
  }

  @Test("of one profile no more is told than the limit, and how much more there is")
  func limit() {
    let reports = IdleReports(told.hub, logger)
    reports.look(profile(rules: IdleReports.listedMaximum + 2), of: subject("nginx"), pid: UInt32(getpid()))
    reports.finish(milliseconds: 10_000)
    #expect(told.idle.count == IdleReports.listedMaximum)
    #expect(log.entries.compactMap { $0.metadata["more"].map { "\($0)" } } == ["2"])
  }

  @Test("an annotation for a container that never came is told at the pod's end, and one like it at a start")
  func neverCame() throws {
    let plugin = try plugin("defaultProfile: unconfined\n", log: logger, idle: IdleReports(told.hub, logger))
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let pod = pod([annotation("ap"): "filtered", annotation("other"): "filtered"])
    try plugin.runPodSandbox(pod)
    for _ in 0..<2 { _ = try plugin.createContainer(pod: pod, container: container()) }
    let noticed = log.entries.compactMap { $0.level == .notice ? $0.metadata["problem"].map { "\($0)" } : nil }
    #expect(noticed.count == 1 && noticed[0].contains("does not name container \"app\""))
    var other = container()
    other.name = "other"
    _ = try plugin.createContainer(pod: pod, container: other)
    #expect(told.idle == [])
    try plugin.removePodSandbox(pod)
    #expect(
      told.idle.first?.what.contains("container.ap\" matches nothing: the pod had no container of that name") == true)
    #expect(told.idle.first?.profile == nil && told.idle.first?.subject.podName == "web")
    try plugin.removePodSandbox(pod)
    #expect(told.idle.count == 1)
  }

  @Test("of a pod that ran before nothing is told at its end, since its containers may have come and gone")
  func ranBefore() throws {
    let plugin = try plugin(log: logger, idle: IdleReports(told.hub, logger))
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let pod = pod([annotation("gone"): "filtered"])
    try plugin.runPodSandbox(pod)
    try plugin.synchronize(pods: [pod], containers: [])
    try plugin.removePodSandbox(pod)
    #expect(told.idle == [])
  }
}
