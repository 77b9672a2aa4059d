import BPF
import EnforcementTesting
import Events
import Glibc
import NRI
import NRIRuntime
import System
import Testing
import YAML

/// The built program and the kernel's own programs, in a storm of denied execs.
@Suite(.timeLimit(.minutes(5)), .enabled(if: KilledDaemon.isPossible, "needs root, cgroups and the built program"))
struct StormTests {
  private static let (shells, execs) = (4, 500)
  private static let patience = Duration.seconds(60)

  private struct Numbers: Equatable {
    var decided: UInt64
    var lost: UInt64
    var sum: UInt64 { decided + lost }
  }

  private func container(_ world: EnforcerWorld) -> (PodSandbox, Container) {
    var (pod, container) = (DaemonTests.pod([all: "p"]), DaemonTests.container())
    pod.uid = "12345678"
    container.podSandboxID = "s1"
    container.state = ContainerState.running.rawValue
    (container.hasLinux, container.cgroupsPath, container.pid) = (true, world.path, world.pid)
    return (pod, container)
  }

  /// Each shell is in the container's cgroup and has a mount namespace of its own, as the container's processes have.
  private func storm(in cgroup: String) throws {
    let loop = "i=0; while [ $i -lt \(Self.execs) ]; do /usr/bin/id; i=$((i + 1)); done"
    let script = "echo $$ >\(cgroup)/cgroup.procs && { \(loop); } >/dev/null 2>&1"
    let null = try FileDescriptor(open: "/dev/null", O_RDWR)
    let children = try (0..<Self.shells).map { _ in
      try spawn(
        "unshare", ["unshare", "-m", "sh", "-c", script], streams: [null.number, null.number, 2], ownGroup: false)
    }
    for child in children { waitpid(child, nil, 0) }
  }

  private static let rates: [KernelCounter] = [.eventsDroppedRate, .eventsDroppedFull]

  private func metrics(_ daemon: KilledDaemon) throws -> Numbers {
    let lines = try httpGet("/metrics", at: daemon.metrics).body.split(separator: "\n")
    func sum(_ beginnings: [String]) -> UInt64 {
      lines.filter { line in beginnings.contains { line.hasPrefix($0) } }
        .compactMap { $0.split(separator: " ").last.flatMap { UInt64($0) } }.reduce(0, +)
    }
    return Numbers(
      decided: sum([#"stockade_decisions_total{section="process",action="Block""#]),
      lost: sum(Self.rates.map { #"stockade_kernel_losses_total{reason="\#($0.rawValue)"}"# }))
  }

  private func events(_ daemon: KilledDaemon) throws -> Numbers {
    var numbers = Numbers(decided: 0, lost: 0)
    for line in try Files.text(daemon.eventsFile).split(separator: "\n") {
      let record = try #require(try Node.parseJSON(Array(line.utf8), file: "events"))
      if record["kind"]?.text == "dropped" {
        for counter in Self.rates { numbers.lost += record["counts"]?[counter.rawValue]?.unsigned ?? 0 }
      } else if record["action"]?.text == "Block" {
        numbers.decided += 1
      }
    }
    return numbers
  }

  /// What the command says that asks the control API.
  private func lostByStatus(_ daemon: KilledDaemon) throws -> UInt64 {
    let run = try daemon.run("status", "-o", "json")
    #expect(run.error == "")
    let status = try #require(try Node.parseJSON(Array(run.output.utf8), file: "status"))
    return Self.rates.reduce(0) { $0 + (status["losses"]?[$1.rawValue]?.unsigned ?? 0) }
  }

  @Test("events, metrics and the control API have the same numbers, and together these are all that was tried")
  func exact() throws {
    let daemon = try KilledDaemon()
    try daemon.start()
    let runtime = try daemon.connection()
    try runtime.accept()
    let world = try EnforcerWorld(ownMounts: true)
    let (pod, container) = container(world)
    try runtime.runPodSandbox(pod)
    _ = try runtime.createContainer(pod: pod, container: container)
    try runtime.startContainer(pod: pod, container: container)
    try storm(in: world.directory)
    let end = ContinuousClock.now + Self.patience
    var (metrics, events) = (try metrics(daemon), try events(daemon))
    while ContinuousClock.now < end, metrics.sum < UInt64(Self.shells * Self.execs) || metrics != events {
      usleep(200_000)
      (metrics, events) = (try self.metrics(daemon), try self.events(daemon))
    }
    print("a storm of \(Self.shells * Self.execs): \(metrics)")
    #expect(metrics.sum == UInt64(Self.shells * Self.execs) && metrics == events)
    #expect(metrics.lost > 0, "there was no storm")
    #expect(try lostByStatus(daemon) == metrics.lost)
    let text = try httpGet("/metrics", at: daemon.metrics).body
    #expect(text.contains(#"stockade_events_unwritten_total{subscriber="output",reason="full"} 0"#))
    #expect(text.contains(#"stockade_nri_call_duration_seconds_count{call="StartContainer"} 1"#))
    #expect(text.contains(#"stockade_containers{profile="p",tier="#))
    #expect(text.contains("stockade_program_runs_total{program=") && text.contains("stockade_table_entries_max{table="))
    if Promtool.isThere { #expect(try Promtool.problems(of: text) == "") }
    #expect(try httpGet("/healthz", at: daemon.metrics) == ("200", "ok\n"))
    #expect(try httpGet("/readyz", at: daemon.metrics) == ("200", "ok\n"))
    try runtime.stopContainer(pod: pod, container: container)
    daemon.end(SIGTERM)
    #expect(!Files.exists(daemon.metrics))
  }
}
