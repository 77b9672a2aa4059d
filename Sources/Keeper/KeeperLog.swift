import Glibc
import System

/// The keeper's lines in the machine's log. A log that nobody reads must not hold the keeper up, so a line that is not
/// taken at once is lost.
struct KeeperLog {
  private let socket: SystemLogSocket

  init(path: String = SystemLogSocket.defaultPath) { socket = SystemLogSocket(path: path, waits: false) }

  /// - Returns: whether the line was taken.
  @discardableResult
  func error(_ text: String) -> Bool { send(LOG_ERR, text) }
  func warning(_ text: String) { send(LOG_WARNING, text) }
  func info(_ text: String) { send(LOG_INFO, text) }

  @discardableResult
  private func send(_ level: Int32, _ text: String) -> Bool {
    // The first try may find a connection to a reader that is gone.
    for _ in 0..<2 { if (try? socket.send(level, seconds: time(nil), "keeper: \(text)")) != nil { return true } }
    return false
  }
}
