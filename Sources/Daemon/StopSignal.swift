import Glibc
import Synchronization
import System

/// SIGTERM, SIGINT and SIGHUP, taken by a thread of their own. At SIGTERM and SIGINT the thread ends the connection
/// that is open.
///
/// The process ends in any case: what is still under way a while after the signal is cut short, whatever holds it up.
/// What that leaves in the kernel is what a killed process leaves, and the next process takes it over.
final class StopSignal: Sendable {
  /// The time from the signal until the process is ended hard.
  static let endMilliseconds = 600

  private struct State {
    var isSet = false
    var socket: FileDescriptor?
    var hangUp: @Sendable () -> Void = {}
    var lastWords: @Sendable () -> Void = {}
  }
  private let state = Mutex(State())
  private let wake = Wakeup.atStart()
  private let worker = Mutex<Worker?>(nil)

  /// Must be made before any other thread, so that all threads inherit the mask and only ours waits for the signals.
  init() {
    let signals: SignalDescriptor
    do { signals = try SignalDescriptor([SIGTERM, SIGINT, SIGHUP]) } catch { endHard(error) }
    let end = Wakeup.atStart()
    worker.withLock { $0 = Worker(waking: end) { [self] stop in run(signals, end, stop) } }
  }

  /// Ends the thread. This is the last thread to end: a signal that comes afterwards ends nothing. If a signal came
  /// before, the thread stays, because it ends the process if nothing else does.
  func stop() { if !isSet { worker.withLock { $0 }?.stop(milliseconds: Self.stopMilliseconds) } }

  private static let stopMilliseconds = 50

  private func run(_ signals: SignalDescriptor, _ end: Wakeup, _ stop: Worker.Stop) {
    while let number = Self.next(signals, end) {
      if number == SIGHUP {
        state.withLock { $0.hangUp }()
        continue
      }
      set()
      if stop.pause(milliseconds: Self.endMilliseconds) {
        state.withLock { $0.lastWords }()
        _exit(0)
      }
    }
  }

  /// The next signal; nil: the thread is to end. If the signals cannot be read, the process ends, while it still can.
  private static func next(_ signals: SignalDescriptor, _ end: Wakeup) -> Int32? {
    var polled = [end.reader, signals.file].map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
    while poll(&polled, nfds_t(polled.count), -1) == -1, errno == EINTR {}
    return polled[0].revents == 0 ? (try? signals.next()) ?? SIGTERM : nil
  }

  /// - Parameter lastWords: called before the process is ended hard; must be brief.
  func onHardEnd(_ lastWords: @escaping @Sendable () -> Void) { state.withLock { $0.lastWords = lastWords } }

  /// - Parameter hangUp: called at each SIGHUP, on the thread of the signals; must not block.
  func onHangUp(_ hangUp: @escaping @Sendable () -> Void) { state.withLock { $0.hangUp = hangUp } }

  var isSet: Bool { state.withLock { $0.isSet } }

  private func set() {
    state.withLock { $0.isSet = true }
    endConnection()
    wake.wake()
  }

  /// Ends the connection that is open now.
  func endConnection() {
    if let socket = state.withLock({ $0.socket }) { shutdown(socket.number, Int32(SHUT_RDWR)) }
  }

  /// Ends the connection as soon as everything that the runtime has asked so far is answered.
  func endConnectionOnceAnswered() {
    if let socket = state.withLock({ $0.socket }) { shutdown(socket.number, Int32(SHUT_RD)) }
  }

  /// Ends the connection on a signal, also if the signal came already.
  func shutDownOnSignal(_ socket: FileDescriptor) {
    let isSet = state.withLock { state in
      state.socket = socket
      return state.isSet
    }
    if isSet { shutdown(socket.number, Int32(SHUT_RDWR)) }
  }

  /// Returns early on a signal, and when there is something to read from `other`.
  func wait(milliseconds: Int, orReadable other: FileDescriptor? = nil) {
    // poll(2) passes over a negative descriptor.
    var polled = [wake.reader.number, other?.number ?? -1].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    _ = poll(&polled, nfds_t(polled.count), Int32(milliseconds))
  }
}
