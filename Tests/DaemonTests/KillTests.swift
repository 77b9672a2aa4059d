import CBPF
import CStockade
import Enforcement
import EnforcementTesting
import Glibc
import NRI
import NRIRuntime
import System
import Testing

/// The built program under a runtime of our own, in a mount namespace whose bpf file system and /run nobody else sees:
/// one Stockade at a time has the lock there.
final class KilledDaemon {
  static let program: String? = {
    guard let tests = try? Files.link(at: "/proc/self/exe"), let slash = tests.lastIndex(of: "/") else { return nil }
    let program = tests[..<slash] + "/stockade"
    return Files.exists(String(program)) ? String(program) : nil
  }()
  static let isPossible = EnforcerWorld.isPossible && program != nil
  /// What the sweeps need: they come every 5 seconds, and a policy stays for a while after its last container.
  static let settling = Duration.seconds(30)

  let folder = "/tmp/stockade-test-kill-\(UInt64.random(in: 0...UInt64.max))"
  let eventsFile: String
  /// The socket of metrics.
  let metrics: String
  private let holder: pid_t
  private let listener: FileDescriptor
  private var daemon: pid_t = 0
  var pins: String { "/proc/\(holder)/root/sys/fs/bpf/stockade" }

  init() throws {
    (eventsFile, metrics) = (folder + "/events", folder + "/metrics.sock")
    try Files.makeFolder(folder + "/profiles")
    let head = "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: p}\nspec: "
    try Files.write(
      head + "{process: {newExecutables: Allow, rules: [{path: /usr/bin/id, action: Block}]}, "
        + "network: {egress: {defaultAction: Block}}, acceptPartial: true}\n", to: folder + "/profiles/p.yaml")
    try Files.write(
      "profilesFolder: \(folder)/profiles\neventsFile: \(eventsFile)\nmetrics: {listen: \"unix://\(metrics)\"}\n",
      to: folder + "/stockade.yaml")
    listener = try Self.listen(at: folder + "/nri.sock")
    let mounts = "mount -t bpf bpf /sys/fs/bpf && mount -t tmpfs run /run"
    let script = "\(mounts) && touch \(folder)/ready && exec sleep 600"
    holder = try spawn("unshare", ["unshare", "-m", "sh", "-c", script], streams: [0, 1, 2], ownGroup: false)
    while !Files.exists(folder + "/ready") { usleep(1000) }
  }

  deinit {
    kill()
    Glibc.kill(holder, SIGKILL)
    waitpid(holder, nil, 0)
    for name in (try? Files.names(in: folder + "/profiles")) ?? [] { unlink("\(folder)/profiles/\(name)") }
    rmdir(folder + "/profiles")
    for name in (try? Files.names(in: folder)) ?? [] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  private static func listen(at path: String) throws -> FileDescriptor {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = FileDescriptor(owning: try call("make a socket") { Glibc.socket(AF_UNIX, type, 0) })
    try call("bind \(path)") {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    try call("listen at \(path)") { Glibc.listen(socket.number, 8) }
    return socket
  }

  /// - Parameter life: nil: until it is told to end; else it is killed so much later, whatever it does.
  func start(life: Duration? = nil) throws {
    let log = try FileDescriptor(open: folder + "/log", O_WRONLY | O_CREAT | O_TRUNC)
    let command = [
      "nsenter", "-m", "-t", "\(holder)", Self.program!, "run", "--socket", folder + "/nri.sock", "--config",
      folder + "/stockade.yaml", "--name", "killed-\(getpid())",
    ]
    daemon = try spawn("nsenter", command, streams: [0, log.number, log.number], ownGroup: false)
    guard let life else { return }
    let pid = daemon
    _ = try Thread {
      usleep(UInt32(life / .microseconds(1)))
      Glibc.kill(pid, SIGKILL)
    }
  }

  /// nil: it ended before it connected.
  func connected() throws -> RuntimeConnection? {
    var poll = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
    while Glibc.poll(&poll, 1, 10) == 0 { if !isRunning { return nil } }
    let socket = FileDescriptor(owning: try call("accept") { accept(listener.number, nil, nil) })
    return RuntimeConnection(socket: socket, requestTimeoutMilliseconds: 20_000)
  }

  /// The connection of a daemon that nobody ends.
  func connection() throws -> RuntimeConnection {
    try #require(try connected(), "the daemon ended and said: \((try? Files.text(folder + "/log")) ?? "nothing")")
  }

  private var isRunning: Bool {
    var status = siginfo_t()
    return waitid(P_PID, id_t(daemon), &status, WEXITED | WNOHANG | WNOWAIT) == 0 && status.si_signo != SIGCHLD
  }

  /// Runs a command of the program, where the daemon is.
  func run(_ words: String...) throws -> ProgramRun {
    let command = ["nsenter", "-m", "-t", "\(holder)", Self.program!] + words
    return try ProgramRun("/usr/bin/nsenter", arguments: command, seconds: 60)
  }

  /// What each descriptor is, by its number.
  var descriptors: [String: String] {
    let folder = "/proc/\(daemon)/fd"
    let pairs = ((try? Files.names(in: folder)) ?? []).map { ($0, (try? Files.link(at: "\(folder)/\($0)")) ?? "gone") }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  func kill() { end(SIGKILL) }

  func end(_ signal: Int32) {
    guard daemon > 0 else { return }
    Glibc.kill(daemon, signal)
    waitpid(daemon, nil, 0)
    daemon = 0
  }

  /// How many elements each map has that is of containers and policies.
  func rows() throws -> [String: Int] {
    var found: [String: Int] = [:]
    for name in ["containers", "entrypoints", "stray_counts", "policies", "path_rules", "egress4", "egress6", "flows"] {
      let map = FileDescriptor(owning: try call("open \(name)") { bpf_obj_get("\(pins)/\(name)") })
      var keys: [[UInt8]] = []
      var next = [UInt8](repeating: 0, count: 64)
      while bpf_map_get_next_key(map.number, keys.last, &next) == 0 { keys.append(next) }
      if !keys.isEmpty { found[name] = keys.count }
    }
    return found
  }

  /// Links of containers, and what was to take another's place.
  func leftLinks() throws -> [String] {
    try Files.names(in: pins + "/links").filter { $0.hasSuffix("_new") || UInt64($0) != nil }
  }
}

/// What SIGKILL leaves, whenever it comes. With `STOCKADE_KILLS` it comes so often.
@Suite(
  .serialized, .timeLimit(.minutes(20)),
  .enabled(if: KilledDaemon.isPossible, "needs root, cgroups and the built program"))
struct KillTests {
  private static let count = getenv("STOCKADE_KILLS").flatMap { Int(String(cString: $0)) } ?? 6

  private func pod(_ world: EnforcerWorld) -> PodSandbox {
    var pod = DaemonTests.pod([all: "p"])
    pod.uid = "12345678"
    return pod
  }

  private func container(_ world: EnforcerWorld) -> Container {
    var container = DaemonTests.container()
    container.podSandboxID = "s1"
    container.state = ContainerState.running.rawValue
    (container.hasLinux, container.cgroupsPath, container.pid) = (true, world.path, world.pid)
    return container
  }

  /// A container's life as the runtime tells it.
  private func lifeOnce(
    _ runtime: RuntimeConnection, _ world: EnforcerWorld, _ pod: PodSandbox, _ container: Container
  ) throws(NRIRuntimeError) {
    try runtime.runPodSandbox(pod)
    _ = try runtime.createContainer(pod: pod, container: container)
    try runtime.startContainer(pod: pod, container: container)
    try runtime.stopContainer(pod: pod, container: container)
    try runtime.removeContainer(pod: pod, container: container)
    try runtime.stopPodSandbox(pod)
  }

  /// The same over and over, as long as the plugin lives.
  ///
  /// - Returns: how often.
  private func live(_ runtime: RuntimeConnection, _ world: EnforcerWorld) -> Int {
    let (pod, container) = (pod(world), container(world))
    var count = 0
    do throws(NRIRuntimeError) {
      try runtime.accept()
      while true {
        try lifeOnce(runtime, world, pod, container)
        count += 1
      }
    } catch { return count }  // It was killed.
  }

  @Test("after a kill at any moment, the next start and its sweep leave nothing that no container needs")
  func killed() throws {
    let daemon = try KilledDaemon()
    var (reached, lives) = (0, 0)
    for _ in 0..<Self.count {
      let world = try EnforcerWorld(ownMounts: true)
      // A start takes about a second, and most of what can be left is made in it and just after it.
      try daemon.start(life: .microseconds(Int.random(in: 50_000...2_500_000)))
      if let runtime = try daemon.connected() {
        reached += 1
        lives += live(runtime, world)
      }
      daemon.kill()
    }
    try daemon.start()
    let runtime = try daemon.connection()
    try runtime.accept()
    let end = ContinuousClock.now + KilledDaemon.settling
    while ContinuousClock.now < end, try !daemon.rows().isEmpty { usleep(100_000) }
    print("killed \(Self.count) times, \(reached) when connected, in the course of \(lives) lives of containers")
    #expect(try daemon.rows() == [:])
    #expect(try daemon.leftLinks() == [])
    #expect(try probes() == [])
    daemon.end(SIGTERM)
    #expect(!Files.exists(daemon.pins), "nothing needs the pins")
  }

  @Test("what a kill leaves in the course of an attach or a start is taken away")
  func planted() throws {
    let daemon = try KilledDaemon()
    let hierarchy = try CgroupHierarchy.current()
    let probe = "\(try #require(hierarchy.root))/stockade-probe-4000000000"
    try Files.makeFolder(probe)
    defer { rmdir(probe) }
    try daemon.start()
    let first = try daemon.connection()
    try first.accept()
    daemon.kill()
    #expect(!Files.exists(probe))
    let links = daemon.pins + "/links"
    let link = try #require(try Files.names(in: links).first { $0.hasPrefix("mark_") })
    let number = FileDescriptor(owning: try call("open a pin") { bpf_obj_get("\(links)/\(link)") })
    try call("pin it again") { bpf_obj_pin(number.number, "\(links)/\(link)_new") }
    let entrypoints = FileDescriptor(owning: try call("open a map") { bpf_obj_get("\(daemon.pins)/entrypoints") })
    let (key, value) = ([UInt64(1) << 40], [stockade_process(tgid: 4_000_000_000, pad: 0, start_ticks: 1)])
    try call("add an entrypoint") { bpf_map_update_elem(entrypoints.number, key, value, 0) }

    try daemon.start()
    let second = try daemon.connection()
    try second.accept()
    let end = ContinuousClock.now + KilledDaemon.settling
    while ContinuousClock.now < end, try !daemon.rows().isEmpty { usleep(100_000) }
    #expect(try daemon.rows() == [:] && daemon.leftLinks() == [])
  }

  @Test("descriptors do not become more with the containers that have ended")
  func descriptors() throws {
    let daemon = try KilledDaemon()
    try daemon.start()
    let runtime = try daemon.connection()
    try runtime.accept()
    func live(_ count: Int) throws -> [String: String] {
      for number in 0..<count {
        let world = try EnforcerWorld(ownMounts: true)
        var container = container(world)
        container.id = "of-\(count)-\(number)"
        try lifeOnce(runtime, world, pod(world), container)
      }
      // Each had a process until it was told to have ended, and its links are held until a sweep finds that gone.
      let end = ContinuousClock.now + KilledDaemon.settling
      while ContinuousClock.now < end, try !daemon.rows().isEmpty { usleep(100_000) }
      return daemon.descriptors
    }
    let before = try live(5)
    let after = try live(60)
    #expect(after.count <= before.count + 2, "\(after.filter { before[$0.key] != $0.value })")
  }

  /// Of processes that are over: other tests prove tiers at the same time.
  private func probes() throws -> [String] {
    let root = try #require(try CgroupHierarchy.current().root)
    return try Files.names(in: root).filter { name in
      name.hasPrefix("stockade-probe-") && kill(name.split(separator: "-").last.flatMap { pid_t($0) } ?? 0, 0) != 0
    }
  }
}
