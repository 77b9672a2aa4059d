import Glibc
import Synchronization

/// The service manager that started this process and wants to know how the service is. sd_notify(3).
///
/// Nothing here blocks: a service manager that takes no messages must not hold up the service. A message that could not
/// be sent goes with the next beat.
package final class ServiceManager: Sendable {
  private struct State {
    /// The newest value of each variable, and those that were not sent yet.
    var told: [String: String] = [:]
    var unsent: [String: String] = [:]
    var lastBeat: SuspendingClock.Instant?
  }

  /// Why a service manager cannot be told anything.
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  /// The time between two beats that leaves room for a beat that comes late: the manager waits three times as long.
  package let beatMilliseconds: Int64
  private let expectsBeats: Bool
  private let address: UnixAddress
  private let socket: FileDescriptor
  private let state = Mutex(State())

  /// Without a limit to keep, beats only send what could not be sent before.
  private static let idleBeatMilliseconds: Int64 = 5000
  private static let beatsInLimit: UInt64 = 3

  /// The service manager of the environment's variables. Takes them away, so that no program of ours finds them. Must
  /// be called before there are threads.
  ///
  /// - Returns: nil: no service manager wants to know.
  package static func ofEnvironment() throws(Problem) -> ServiceManager? {
    let names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
    let values = names.map { getenv($0).map { String(cString: $0) } }
    for name in names { unsetenv(name) }
    guard let socket = values[0] else { return nil }
    return try ServiceManager(socket: socket, watchdogMicroseconds: values[1], watchdogProcess: values[2])
  }

  /// - Parameters:
  ///   - socket: `NOTIFY_SOCKET`: a path, or an abstract name behind an `@`.
  ///   - watchdogMicroseconds: `WATCHDOG_USEC`: how long the service may go without a beat.
  ///   - watchdogProcess: `WATCHDOG_PID`: who is to send the beats; nil: whoever reads it.
  init(socket name: String, watchdogMicroseconds: String?, watchdogProcess: String?) throws(Problem) {
    let concernsUs = watchdogProcess.map { pid_t($0) == getpid() } ?? true
    let limit = concernsUs ? watchdogMicroseconds : nil
    expectsBeats = limit != nil
    if let limit {
      guard let microseconds = UInt64(limit), microseconds > 0, microseconds < .max else {
        throw Problem(description: "WATCHDOG_USEC is not a number of microseconds: \"\(limit)\"")
      }
      beatMilliseconds = Int64(max(1, microseconds / 1000 / Self.beatsInLimit))
    } else {
      beatMilliseconds = Self.idleBeatMilliseconds
    }
    do {
      switch name.first {
      case "/": address = try UnixAddress(name)
      case "@": address = try UnixAddress(abstract: String(name.dropFirst()))
      default:
        throw Problem(description: "NOTIFY_SOCKET is neither a path nor an abstract name behind an @: \"\(name)\"")
      }
      let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
      socket = FileDescriptor(owning: try call("make a socket") { Glibc.socket(AF_UNIX, type, 0) })
    } catch let problem as Problem { throw problem } catch { throw Problem(description: "\(error)") }
  }

  /// The service does what it is for, from now on.
  ///
  /// - Parameter status: a line for people.
  package func ready(status: String) { tell(["READY": "1", "STATUS": status]) }

  /// - Parameter status: a line for people.
  package func show(status: String) { tell(["STATUS": status]) }

  /// The service is about to end.
  package func stopping() { tell(["STOPPING": "1", "STATUS": "ends"]) }

  private func tell(_ news: [String: String]) {
    state.withLock { state in
      for (name, value) in news where state.told[name] != value {
        state.told[name] = value
        state.unsent[name] = value
      }
      send(&state, more: [])
    }
  }

  /// A sign of life, from the thread whose life matters. Sends nothing if the last one was sent a moment ago.
  package func beat(now: SuspendingClock.Instant = .now) {
    state.withLock { state in
      if let last = state.lastBeat, now - last < .milliseconds(beatMilliseconds / 2) { return }
      state.lastBeat = now
      send(&state, more: expectsBeats ? ["WATCHDOG=1"] : [])
    }
  }

  private func send(_ state: inout State, more: [String]) {
    let lines = state.unsent.map { "\($0.key)=\($0.value)" }.sorted() + more
    if lines.isEmpty { return }
    do {
      try address.send(Array(lines.joined(separator: "\n").utf8), from: socket)
      state.unsent = [:]
    } catch {}  // the next beat sends them
  }
}
