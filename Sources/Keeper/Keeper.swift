import Glibc
import System

/// A process beside the launched plugin, in a session of its own. It is needed because NRI never again starts a plugin
/// that it dropped. The keeper holds the pidfds of the plugin and of the runtime, a pipe of beats and a copy of the
/// configuration. It decides by `KeeperPlan`.
package final class Keeper {
  private let name: String
  private let index: String
  private let runtime: RuntimeProcess
  private let text: FileDescriptor
  private let signals: SignalDescriptor
  private let log = KeeperLog()
  private var plan = KeeperPlan()
  private var servant: ProcessHandle?
  /// The pid of a Stockade that the keeper started, and that is its child.
  private var child: pid_t?
  private var beats: FileDescriptor?
  private var isRuntimeGone = false
  /// How many Stockades keepers have started since the runtime launched one.
  private var restarts: UInt64

  /// - Parameter words: name and index of the plugin, and the number of restarts before.
  /// - Returns: 0 if nothing is left to keep; 2 if no plugin started the keeper.
  package static func main(_ words: [String]) -> Int32 {
    typealias Number = KeptDescriptors.Keeper
    let numbers = [Number.servant, Number.beats, Number.runtime, Number.text]
    guard words.count == 3, let restarts = UInt64(words[2]), let given = KeptDescriptors.adopt(numbers) else {
      put("stockade: a keeper is started by the plugin that it keeps\n", to: 2)
      return 2
    }
    setsid()
    chdir("/")
    Thread.nameCurrent("stockade-keeper")
    do {
      let keeper = try Keeper(words[0], words[1], restarts, given)
      keeper.keep()
      return 0
    } catch {
      KeeperLog().error("\(error)")
      return 1
    }
  }

  private init(_ name: String, _ index: String, _ restarts: UInt64, _ given: [FileDescriptor]) throws(Errno) {
    (self.name, self.index, self.restarts) = (name, index, restarts)
    (servant, beats, text) = (ProcessHandle(given[0]), given[1], given[3])
    runtime = RuntimeProcess(ProcessHandle(given[2]))
    signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP, SIGQUIT])
  }

  private func keep() {
    var deadline = SuspendingClock.now + .milliseconds(plan.lookMilliseconds)
    while plan.state != .over {
      if let event = wait(until: deadline) {
        receive(event)
        // What the keeper now waits for may need more frequent looks.
        deadline = min(deadline, .now + .milliseconds(plan.lookMilliseconds))
      } else {
        receive(.look(beat: takeBeats()))
        deadline = .now + .milliseconds(plan.lookMilliseconds)
      }
    }
  }

  /// The next thing that happens; nil: nothing happened until the deadline.
  private func wait(until deadline: SuspendingClock.Instant) -> KeeperPlan.Event? {
    // The runtime comes first: if it is gone, nothing is started for it.
    let watched: [(FileDescriptor?, KeeperPlan.Event)] = [
      (isRuntimeGone ? nil : runtime.process.file, .runtimeEnded), (signals.file, .toldToEnd),
      (servant?.file, .servantEnded),
    ]
    // poll(2) passes over a negative descriptor.
    var polled = watched.map { pollfd(fd: $0.0?.number ?? -1, events: Int16(POLLIN), revents: 0) }
    let left = (deadline - .now).components
    let milliseconds = left.seconds < 0 ? 0 : left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
    guard poll(&polled, nfds_t(polled.count), Int32(max(0, milliseconds))) > 0 else { return nil }
    return zip(watched, polled).first { $1.revents != 0 }?.0.1
  }

  private func receive(_ event: KeeperPlan.Event) {
    note(event)
    switch plan.receive(event) {
    case .nothing, .end: break
    case .terminate: servant?.send(signal: SIGTERM)
    case .kill:
      log.error("stockade shows no sign of life: it is killed")
      servant?.send(signal: SIGKILL)
    case .start: receive(start())
    case .complain: if complain() { receive(.complained) }
    }
  }

  /// Notes what the event itself changes, whatever is decided.
  private func note(_ event: KeeperPlan.Event) {
    switch event {
    case .runtimeEnded: isRuntimeGone = true
    case .toldToEnd: _ = try? signals.next()
    case .servantEnded:
      (servant, beats) = (nil, nil)
      if let child { _ = try? Children.wait(for: child) }
      child = nil
      if !isRuntimeGone { log.warning("stockade ended; the runtime launches none again, so the keeper does") }
    case .look, .started, .notStarted, .complained: break
    }
  }

  private func takeBeats() -> Bool {
    guard let beats else { return false }
    // At the end of the pipe the process has ended too, and the process's pidfd tells that.
    return (try? beats.read(atMost: 4096))?.isEmpty == false
  }

  // MARK: Starting one

  private func start() -> KeeperPlan.Event {
    do {
      guard let socket = try runtime.socket() else { return .notStarted }
      let pipe = try FileDescriptor.pipe()
      let started = try KeptDescriptors.startWatched(
        [KeptDescriptors.keptWord, name, index, socket, "\(restarts + 1)"], [text, pipe.writer, runtime.process.file])
      (child, servant, beats) = (started.pid, started.process, pipe.reader)
      restarts += 1
      log.info("started stockade as process \(started.pid), plugin \(index)-\(name) on \(socket)")
      return .started
    } catch {
      log.error("\(error)")
      return .notStarted
    }
  }

  /// - Returns: whether the log took the message.
  private func complain() -> Bool {
    log.error(
      """
      stockade does not run, and the runtime takes no connections, so new containers start unconfined: restart the \
      runtime now; to have stockade started again by itself, set disable_connections = false in \
      [plugins."io.containerd.nri.v1.nri"], with a socket_path whose last part has "nri" in it
      """)
  }
}
