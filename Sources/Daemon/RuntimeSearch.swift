import Glibc
import Logging
import System

/// Waits for the runtime's socket, and connects as soon as somebody listens on it. The search stays patient with a
/// socket that is away. Only after sessions that fail do the tries become rarer and rarer.
struct RuntimeSearch {
  /// The time between two looks if nobody listens, or if no folder can be watched.
  private static let lookMilliseconds = 100
  /// The shortest time between two looks, however often files come and go beside the socket.
  private static let restMilliseconds: UInt32 = 10
  /// A runtime that starts opens its socket late, so this is how long to wait before a complaint.
  private static let complaintSeconds = 30
  static let longestWaitMilliseconds = 5000

  private let path: String
  private let stop: StopSignal
  private let log: Logger
  private let pulse: Pulse?
  /// The time between two looks if there is no socket. The watch reports a socket, unless a link on the way to it
  /// changes.
  private let rareLookMilliseconds: Int
  private let firstWaitMilliseconds: Int
  private var waitMilliseconds: Int

  /// - Parameter pulse: beats between two looks.
  init(
    _ path: String, _ stop: StopSignal, _ log: Logger, _ pulse: Pulse? = nil, rareLookMilliseconds: Int = 1000,
    firstWaitMilliseconds: Int = 200
  ) {
    (self.path, self.stop, self.log, self.pulse) = (path, stop, log, pulse)
    self.rareLookMilliseconds = rareLookMilliseconds
    self.firstWaitMilliseconds = firstWaitMilliseconds
    waitMilliseconds = firstWaitMilliseconds
  }

  // MARK: The socket

  /// - Returns: nil: a signal came.
  func connect() -> FileDescriptor? {
    let watch = try? SocketWatch(path)
    let begin = SuspendingClock.now
    var told = 0
    while !stop.isSet {
      let isWatched = watch.map { (try? $0.aim()) != nil } ?? false
      do { return try NRISocket.connect(to: path) } catch {
        tell(error, since: begin, &told)
        let isRare = isWatched && error.code == ENOENT
        wait(isRare ? rareLookMilliseconds : Self.lookMilliseconds, watch)
      }
      usleep(Self.restMilliseconds * 1000)
    }
    return nil
  }

  /// Says once that it waits. Says once what may be wrong, when the wait takes long.
  private func tell(_ error: Errno, since begin: SuspendingClock.Instant, _ told: inout Int) {
    if told == 0 { log.warning("waiting for the runtime", metadata: ["reason": "\(error)"]) }
    let isLong = SuspendingClock.now - begin > .seconds(Self.complaintSeconds)
    if told == 1, isLong {
      log.error(
        "no runtime takes connections, so new containers start unconfined",
        metadata: [
          "reason": "\(error)",
          "action": """
          start containerd with disable = false and disable_connections = false in \
          [plugins."io.containerd.nri.v1.nri"], and give --socket its socket_path; stockade doctor tells what is set
          """,
        ])
    }
    told = max(told, isLong ? 2 : 1)
  }

  // MARK: Sessions

  /// Waits after a session. After a good session, there is no wait. Otherwise the wait gets longer each time, unless
  /// the runtime makes its socket anew.
  ///
  /// - Parameter isGood: `SessionWatch.wasGood`.
  mutating func pause(afterGood isGood: Bool) {
    if isGood { return waitMilliseconds = firstWaitMilliseconds }
    // The wait has jitter, so that the plugins of many nodes do not come back at one moment.
    let milliseconds = waitMilliseconds / 2 + Int.random(in: 0...waitMilliseconds / 2)
    waitMilliseconds = min(waitMilliseconds * 2, Self.longestWaitMilliseconds)
    if waitForNewSocket(milliseconds) { waitMilliseconds = firstWaitMilliseconds }
  }

  private func waitForNewSocket(_ milliseconds: Int) -> Bool {
    let deadline = SuspendingClock.now + .milliseconds(milliseconds)
    let watch = try? SocketWatch(path)
    let before = socketNumber
    while !stop.isSet {
      _ = try? watch?.aim()
      if socketNumber != before { return true }
      let left = (deadline - .now).components
      let milliseconds = Int(left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)
      if milliseconds <= 0 { return false }
      wait(milliseconds, watch)
      usleep(Self.restMilliseconds * 1000)
    }
    return false
  }

  /// Waits at most this long, and no longer than until the next beat.
  private func wait(_ milliseconds: Int, _ watch: SocketWatch?) {
    pulse?.beat()
    let limit = pulse.map { Int($0.milliseconds) } ?? milliseconds
    stop.wait(milliseconds: min(milliseconds, limit), orReadable: watch?.inotify.descriptor)
  }

  /// A socket that is made anew has another number or another time.
  private var socketNumber: [Int]? {
    (try? Files.status(path)).map { [Int($0.st_ino), $0.st_ctim.tv_sec, $0.st_ctim.tv_nsec] }
  }
}
