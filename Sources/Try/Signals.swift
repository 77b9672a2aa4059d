import Glibc
import System

/// Waits for a process while it forwards SIGINT, SIGTERM and SIGHUP to it.
///
/// The signals stay blocked from `init` on, in the calling thread and in the threads that it starts. So no signal
/// interrupts a step halfway. The signals are read here.
final class Signals {
  /// A container's first process ignores signals that it does not handle. So it is killed after this time.
  static let graceMilliseconds: Int32 = 2000

  private let source: SignalDescriptor
  /// Set once a signal was received. Then a series of runs ends.
  private(set) var wereReceived = false

  init() throws(TryError) {
    source = try system { () throws(Errno) in try SignalDescriptor([SIGINT, SIGTERM, SIGHUP]) }
  }

  /// Waits for the end of a child.
  ///
  /// - Parameter deadline: after this many seconds the child is killed.
  /// - Returns: its exit status, as a shell returns it, and whether the deadline killed it.
  func wait(for pid: pid_t, timeoutSeconds: Int?) throws(TryError) -> (status: Int32, timedOut: Bool) {
    let process = try system { () throws(Errno) in try ProcessHandle(pid: pid) }
    var timedOut = false
    var timeout = timeoutSeconds.map { Int32($0 * 1000) } ?? -1
    while true {
      switch try next(process, milliseconds: timeout) {
      case .ended: return (try Program.wait(for: pid), timedOut)
      case .elapsed:
        kill(pid, SIGKILL)
        timedOut = !wereReceived
        timeout = -1
      case .signal(let number):
        kill(pid, wereReceived ? SIGKILL : number)
        wereReceived = true
        timeout = Self.graceMilliseconds
      }
    }
  }

  private enum Event {
    case ended, elapsed
    case signal(Int32)
  }

  private func next(_ process: ProcessHandle, milliseconds: Int32) throws(TryError) -> Event {
    var descriptors = [process.file.number, source.file.number].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    let ready = try system { () throws(Errno) in
      try call("wait for the container") { poll(&descriptors, 2, milliseconds) }
    }
    if ready == 0 { return .elapsed }
    if descriptors[0].revents != 0 { return .ended }
    return .signal(try system { () throws(Errno) in try source.next() })
  }
}
