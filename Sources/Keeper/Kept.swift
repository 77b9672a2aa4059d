import Glibc
import Synchronization
import System

/// A Stockade's own half of being kept: its beats, and, if it was launched, the start of the keeper.
package final class Kept: Sendable {
  private static let beatMilliseconds = 500
  private static let stopMilliseconds = 50
  /// The time between two starts of a keeper.
  private static let restartSeconds = 5

  package let heartbeat = Heartbeat()
  /// How many Stockades keepers have started since the runtime launched one, this one included.
  package let restarts: UInt64
  private let name: String
  private let index: String
  private let text: SealedText
  /// nil: this Stockade was launched, so it got its connection from the runtime itself.
  private let runtime: RuntimeProcess?
  private let tell: @Sendable (String) -> Void
  private let hasKeeper = Atomic(false)
  private let worker = Mutex<Worker?>(nil)

  /// - Parameter tell: is called with what went wrong.
  private init(
    _ name: String, _ index: String, _ text: SealedText, runtime: RuntimeProcess?, restarts: UInt64,
    _ tell: @escaping @Sendable (String) -> Void
  ) {
    (self.name, self.index, self.text, self.runtime, self.tell) = (name, index, text, runtime, tell)
    self.restarts = restarts
  }

  /// What the runtime sent in Configure; nil: the launched Stockade ended before it had received all of it.
  package func configuration() throws(Errno) -> String? { try text.read() }

  // MARK: Started by a keeper

  /// - Returns: nil: no keeper started this process.
  package static func byKeeper(
    name: String, index: String, restarts: UInt64, tell: @escaping @Sendable (String) -> Void
  ) -> Kept? {
    typealias Number = KeptDescriptors.Kept
    guard let given = KeptDescriptors.adopt([Number.text, Number.beats, Number.runtime]) else { return nil }
    Thread.nameCurrent("stockade")
    let runtime = RuntimeProcess(ProcessHandle(given[2]))
    let kept = Kept(name, index, SealedText(given[0]), runtime: runtime, restarts: restarts, tell)
    kept.start { stop in
      var keepers = Keepers(of: kept, first: given[1])
      repeat { keepers.beat { runtime } } while stop.pause(milliseconds: beatMilliseconds)
    }
    return kept
  }

  /// Throws unless the process at the other end is the runtime that the keeper was started for.
  package func check(peerOf socket: FileDescriptor) throws(Errno) { try runtime?.check(peerOf: socket) }

  private func start(waking wakeup: Wakeup? = nil, _ work: @escaping @Sendable (Worker.Stop) -> Void) {
    let started = Worker(waking: wakeup, work)
    worker.withLock { $0 = started }
  }

  /// Ends the beats. Only the log ends later: until then the thread of the beats makes sure that a launched process
  /// ends. If the thread waits for a keeper's end, it is left behind.
  package func stop() { worker.withLock { $0 }?.stop(milliseconds: Self.stopMilliseconds) }

  // MARK: Launched

  /// Starts the keeper, and a thread that beats. When the runtime closes the connection, the thread ends the process if
  /// the process does not end by itself: nobody hears an answer any more.
  ///
  /// - Parameter socket: connected to the runtime, which must be this process's parent.
  package static func launched(
    socket: FileDescriptor, name: String, index: String, tell: @escaping @Sendable (String) -> Void
  ) throws(Errno) -> Kept {
    let kept = Kept(name, index, try SealedText(name: "stockade-configuration"), runtime: nil, restarts: 0, tell)
    let end = try Wakeup()
    kept.start(waking: end) { stop in
      var keepers = Keepers(of: kept, first: nil)
      repeat { keepers.beat { () throws(Errno) in try runtime(of: socket) } } while pause(socket, end)
      kept.endSoon(stop)
    }
    return kept
  }

  /// Keeps the configuration for the keeper. Called once, before anything else is done with the text.
  package func keep(configuration: String) throws(Errno) { try text.write(configuration) }

  /// Whether another Stockade comes if this launched one ends. That needs a living keeper, and a runtime that takes
  /// connections.
  package func isReplaceable(_ socket: FileDescriptor) -> Bool {
    hasKeeper.load(ordering: .relaxed) && (try? Self.runtime(of: socket).socket()) != nil
  }

  /// The keeper of this process, and the next keeper if that one is gone.
  private struct Keepers {
    let kept: Kept
    private var beats: FileDescriptor?
    private var pid: pid_t?
    private var isWanted = true
    private var nextStart = SuspendingClock.now
    /// Why there is no keeper, as it was last told.
    private var told: Errno?

    init(of kept: Kept, first: FileDescriptor?) { (self.kept, beats) = (kept, first) }

    mutating func beat(_ runtime: () throws(Errno) -> RuntimeProcess) {
      defer { kept.hasKeeper.store(beats != nil, ordering: .relaxed) }
      if let beats, !Kept.beat(kept.heartbeat, beats) { ended() }
      guard beats == nil, isWanted, nextStart <= .now else { return }
      nextStart = .now + .seconds(Kept.restartSeconds)
      do {
        try start(runtime())
        told = nil
      } catch {
        if error != told {
          kept.tell("no keeper: if the runtime drops this plugin, nobody starts it again (\(error))")
        }
        told = error
      }
    }

    private mutating func start(_ runtime: RuntimeProcess) throws(Errno) {
      let own = try ProcessHandle(pid: getpid()).file
      // If the reader is stopped, it must not hold us up.
      let pipe = try FileDescriptor.pipe()
      pid = try KeptDescriptors.start(
        [KeptDescriptors.keeperWord, kept.name, kept.index, "\(kept.restarts)"],
        [own, pipe.reader, runtime.process.file, kept.text.file])
      beats = pipe.writer
      _ = Kept.beat(kept.heartbeat, pipe.writer)
    }

    /// The pipe has no reader any more. A keeper that ended in order was told to end, so nobody wants another one.
    private mutating func ended() {
      beats = nil
      guard let pid else { return }
      isWanted = (try? Children.wait(for: pid)) != 0
      self.pid = nil
    }
  }

  /// The process at the other end, while it is our parent. Only then its number cannot belong to another process by
  /// now.
  private static func runtime(of socket: FileDescriptor) throws(Errno) -> RuntimeProcess {
    let pid = try socket.peer("ask who launched this plugin")
    guard pid > 0 else { throw Errno(ESRCH, "find the runtime's process") }
    let runtime = try ProcessHandle(pid: pid)
    guard getppid() == pid else { throw Errno(ESRCH, "keep a plugin whose parent is not its runtime") }
    return RuntimeProcess(runtime)
  }

  /// Waits for a beat's time.
  ///
  /// - Returns: false if the other end is closed, or the beats are to end. Data on the socket belongs to the session.
  private static func pause(_ socket: FileDescriptor, _ end: Wakeup) -> Bool {
    // poll reports POLLHUP without being asked, and not yet if only our own half is closed.
    var polled = [
      pollfd(fd: socket.number, events: 0, revents: 0),
      pollfd(fd: end.reader.number, events: Int16(POLLIN), revents: 0),
    ]
    return poll(&polled, nfds_t(polled.count), Int32(beatMilliseconds)) <= 0
  }

  /// Gives the process time to end in order. A call that is still running after the first pause is stuck.
  private func endSoon(_ stop: Worker.Stop) {
    guard stop.pause(milliseconds: 300) else { return }
    if heartbeat.isBusy { _exit(1) }
    if stop.pause(milliseconds: 700) { _exit(1) }
  }

  /// - Returns: false if nobody reads the beats.
  private static func beat(_ heartbeat: Heartbeat, _ beats: FileDescriptor) -> Bool {
    if heartbeat.isLate { return true }
    do { try beats.write([0]) } catch { return error.code == EAGAIN }
    return true
  }
}
