import Glibc
import HTTP
import InMemoryLogging
import Logging
import Metrics
import NRI
import Policy
import Seccomp
import Status
import System
import Testing

@testable import Daemon

/// A node that takes no BPF, as a configuration begins it, and what can be read of it.
private final class MonitoredNode {
  let node: ConfinedNode
  let log = InMemoryLogHandler()
  private let profiles: ProfilesFolder
  private let folder: String
  private var path: String { "\(folder)/metrics.sock" }

  init(_ texts: [String] = ["metadata: {name: p}\nspec: {seccomp: {type: RuntimeDefault}}\n"]) throws {
    var name = Array("/tmp/stockade-metrics-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    folder = String(cString: mkdtemp(&name))
    profiles = try ProfilesFolder(texts)
    node = try ConfinedNode(
      pinFolder: "/nowhere/stockade", runtimeMountNamespace: 1, log: Logger(label: "test") { [log] _ in log })
  }

  func begin() throws {
    let text = "{profilesFolder: \(profiles.path), metrics: {listen: \"unix://\(path)\"}}"
    let configuration = try NodeConfiguration.parse(Array(text.utf8), file: "node.yaml")
    node.begin(
      Settings(configuration: configuration, profiles: profiles.library), defaultEventsFile: "\(folder)/events")
  }

  func connect(problem: String? = nil) {
    var message = runtime("2.3.4", nri: "v0.12.0")
    message.requestTimeoutMilliseconds = 4000
    node.session.begins(message)
    node.session.began(message, SeccompSupport(message), problem: problem)
  }

  deinit {
    node.stop()
    for name in (try? Files.names(in: folder)) ?? [] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  func get(_ page: String) throws -> (status: String, body: String) { try httpGet(page, at: path) }
}

/// The status and the body of a page. Waits until the server listens.
func httpGet(_ page: String, at path: String) throws -> (status: String, body: String) {
  let socket = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
  while true {
    do {
      try UnixAddress(path).connect(socket)
      break
    } catch { if error.code != ENOENT { throw error } }
    sched_yield()
  }
  try socket.write(Array("GET \(page) HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
  var bytes: [UInt8] = []
  while case let part = try socket.read(atMost: 65536), !part.isEmpty { bytes += part }
  let text = String(decoding: bytes, as: UTF8.self)
  let body = text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? ""
  return (text.split(separator: " ").dropFirst().first.map(String.init) ?? "", body)
}

@Suite("what can be read of a node over HTTP", .timeLimit(.minutes(1)))
struct MonitoringTests {
  @Test("a node is ready once the runtime is connected, its configuration can be used, and the profiles are read")
  func ready() throws {
    let node = try MonitoredNode()
    #expect(
      MonitoringPages.answer(node.node.control.missingForReadiness).body
        == "the runtime is not connected\nthe profiles are not read yet\n")
    try node.begin()
    #expect(try node.get("/readyz") == ("503", "the runtime is not connected\n"))
    node.connect(problem: "it is broken")
    #expect(try node.get("/readyz") == ("503", "it is broken\n"))
    node.connect()
    #expect(try node.get("/readyz") == ("200", "ok\n"))
    node.node.session.ended()
    #expect(try node.get("/readyz") == ("503", "the runtime is not connected\n"))
  }

  @Test("a node is well while the sweep goes on and calls are answered")
  func healthy() throws {
    let node = try MonitoredNode()
    node.node.startSweeping()
    try node.begin()
    #expect(try node.get("/healthz") == ("200", "ok\n"))
    let sweep = node.node.sweep
    var now = SuspendingClock.now
    while sweep.problem(over: .zero, now: now) == nil { now += .seconds(1) }
    now = .now + .seconds(20)
    #expect(sweep.problem(over: .seconds(15), now: now)?.hasPrefix("the sweep has not gone on for ") == true)
    #expect(sweep.problem(over: .seconds(25), now: now) == nil)
    #expect(MonitoringPages.answer(["a", "b"]) == HTTPAnswer(.unavailable, "a\nb\n"))
  }

  @Test("metrics say what the status says")
  func metrics() throws {
    let node = try MonitoredNode()
    try node.begin()
    node.connect()
    var text = try node.get("/metrics").body
    // The profiles are read by a thread of their own.
    for _ in 0..<1000 where text.contains("stockade_profiles_read 0\n") {
      usleep(10_000)
      text = try node.get("/metrics").body
    }
    for line in [
      "stockade_protected 0", #"stockade_tier{tier="none"} 1"#, #"stockade_tier{tier="lsm"} 0"#,
      "stockade_runtime_connected 1",
      #"stockade_runtime_info{name="containerd",version="2.3.4",nri_version="v0.12.0"} 1"#,
      "stockade_profiles 1", "stockade_profiles_read 1", "stockade_nri_call_limit_seconds 4",
      #"stockade_profile_reloads_total{outcome="ok"} 1"#, #"stockade_adoptions_total{outcome="failed"} 0"#,
      #"stockade_decisions_total{section="kernel",action="Block",effect="killed"} 0"#, "stockade_releases_total 0",
      "stockade_keeper_restarts_total 0", #"stockade_events_unwritten_total{subscriber="client",reason="full"} 0"#,
    ] { #expect(text.contains(line + "\n"), "\(line)") }
    #expect(text.contains("process_resident_memory_bytes ") && text.contains("process_start_time_seconds "))
  }

  @Test("promtool finds nothing wrong with what is written", .enabled(if: Promtool.isThere, "needs promtool"))
  func promtool() throws {
    let node = try MonitoredNode(["metadata: {name: p}\nspec: {mode: 1}\n"])
    try node.begin()
    node.connect()
    node.node.calls.during(.podEvent(.runPodSandbox, PodSandbox())) {}
    for _ in 0..<3 {
      node.node.events.publish(.tierLowered(.init(timeNanoseconds: 0, from: .lsm, to: .none, reason: "")))
    }
    let text = try node.get("/metrics").body
    #expect(text.contains("stockade_profile_problems 1\n"))
    #expect(text.contains(#"stockade_events_total{kind="tierLowered"} 3"# + "\n"))
    #expect(try Promtool.problems(of: text) == "")
  }

  @Test("containers are counted by profile, tier and state")
  func containers() {
    var status = NodeStatus()
    status.tier.claimed = "signal"
    status.containers = [
      .init(profile: "", state: .open, count: 4), .init(profile: "web", state: .open, count: 2),
      .init(profile: "web", state: .closing, count: 1),
    ]
    var values = MetricValues()
    NodeMetrics.add(status, to: &values)
    #expect(
      MetricText.text(of: [NodeMetric.containers], values).split(separator: "\n").dropFirst(2) == [
        #"stockade_containers{profile="unconfined",tier="none",state="open"} 4"#,
        #"stockade_containers{profile="web",tier="signal",state="closing"} 1"#,
        #"stockade_containers{profile="web",tier="signal",state="open"} 2"#,
      ])
  }
}

/// Debian's prometheus.
enum Promtool {
  static let isThere = Files.exists("/usr/bin/promtool")

  /// What promtool says of metrics; empty: nothing.
  static func problems(of text: String) throws -> String {
    var name = Array("/tmp/stockade-promtool-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    let folder = String(cString: mkdtemp(&name))
    defer {
      unlink("\(folder)/metrics")
      rmdir(folder)
    }
    try Files.write(text, to: "\(folder)/metrics")
    let run = try ProgramRun(
      "/bin/sh", arguments: ["sh", "-c", "promtool check metrics <\(folder)/metrics"], seconds: 60)
    return run.status == 0 ? run.output + run.error : "status \(run.status): \(run.output)\(run.error)"
  }
}
