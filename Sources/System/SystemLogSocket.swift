import Glibc
import Synchronization

/// The machine's log, reached over its socket. Unlike syslog(3) it says when a line was not taken. It may block as long
/// as the reader of the socket likes, unless it is told not to wait. RFC 3164.
package final class SystemLogSocket: Sendable {
  package static let defaultPath = "/dev/log"
  /// The limit for a line; what is beyond it is cut. Readers take no longer lines whole.
  package static let lineMaxBytes = 8192

  fileprivate struct Connection {
    var socket: FileDescriptor
    /// Whether the socket is a stream. A stream needs an end after each message: a NUL, as syslog(3) sends it.
    var isStream: Bool
  }
  private let path: String
  private let waits: Bool
  private let connection = Mutex<Connection?>(nil)

  /// - Parameter waits: waits until a line is taken. If false, a line that is not taken at once fails.
  package init(path: String = SystemLogSocket.defaultPath, waits: Bool = true) {
    (self.path, self.waits) = (path, waits)
  }

  /// A line that fails may be sent again: no line is sent twice.
  ///
  /// - Parameters:
  ///   - level: `LOG_INFO` and the like.
  ///   - seconds: since 1970.
  package func send(_ level: Int32, seconds: time_t, _ text: String) throws(Errno) {
    try connection.withLock { (connection) throws(Errno) in
      let current = if let connection { connection } else { try connect() }
      // The connection is forgotten first. After an error there may be another reader, and a half line may be under way
      // on a stream.
      connection = nil
      try current.send(Self.message(level, seconds: seconds, text))
      connection = current
    }
  }

  private func connect() throws(Errno) -> Connection {
    do { return try connect(SOCK_DGRAM, isStream: false) } catch {
      guard error.code == EPROTOTYPE else { throw error }
      return try connect(SOCK_STREAM, isStream: true)
    }
  }

  private func connect(_ type: __socket_type, isStream: Bool) throws(Errno) -> Connection {
    let type = Int32(type.rawValue | SOCK_CLOEXEC.rawValue | (waits ? 0 : SOCK_NONBLOCK.rawValue))
    let socket = FileDescriptor(owning: try call("make a socket") { Glibc.socket(AF_UNIX, type, 0) })
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    try call("connect to \(path)") {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(socket.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    return Connection(socket: socket, isStream: isStream)
  }

  /// `<30>Jan 31 09:30:00 stockade[41]: text`, in the node's time zone.
  package static func message(_ level: Int32, seconds: time_t, _ text: String) -> [UInt8] {
    var (seconds, time) = (seconds, tm())
    localtime_r(&seconds, &time)
    let line = "<\(LOG_DAEMON | level)>\(date(time)) stockade[\(getpid())]: \(text)"
    return Array(line.utf8.prefix(lineMaxBytes))
  }

  private static func date(_ time: tm) -> String {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func padded(_ number: Int32, with character: Character) -> String {
      (number < 10 ? String(character) : "") + String(number)
    }
    let clock = [time.tm_hour, time.tm_min, time.tm_sec].map { padded($0, with: "0") }.joined(separator: ":")
    return "\(months[Int(time.tm_mon)]) \(padded(time.tm_mday, with: " ")) \(clock)"
  }
}

extension SystemLogSocket.Connection {
  fileprivate func send(_ message: [UInt8]) throws(Errno) {
    let bytes = message + (isStream ? [0] : [])
    var start = 0
    while start < bytes.count {
      start += try call("send to the machine's log") {
        bytes[start...].withUnsafeBytes { Glibc.send(socket.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      }
    }
  }
}
