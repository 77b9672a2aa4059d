import Events
import Glibc
import Logging
import System

/// One line of the log.
struct LogRecord: Equatable, Sendable {
  var level: Logger.Level
  /// Since 1970.
  var nanoseconds = Timestamp.now(CLOCK_REALTIME)
  var text: String
}

/// Where the log goes. Lines go through a buffer, and a thread of its own writes them. A log that nobody reads must not
/// hold up the thread that logs, because that may be the thread that answers the runtime.
package final class LogOutput: Sendable {
  /// How much memory the waiting lines may take.
  package static let limitBytes = 256 << 10

  /// How long to wait for what is left: at an ordinary end, and when the process is ended hard.
  static let endMilliseconds = 200
  static let hardEndMilliseconds = 100

  private let queue: OutputQueue<LogRecord>

  init(write: @escaping @Sendable (LogRecord) throws(Errno) -> Void) {
    queue = OutputQueue(
      limitBytes: Self.limitBytes, size: { $0.text.utf8.count },
      gap: { LogRecord(level: .warning, text: LogLine.text("lines of the log are lost", ["count": "\($0)"])) },
      write: write)
  }

  /// Standard error, with the time in front.
  package static func standardError() -> LogOutput {
    let lines = LineWriter(FileDescriptor(owning: dup(2)))
    return LogOutput { record throws(Errno) in try lines.write(StandardErrorLog.line(record)) }
  }

  /// The machine's log, for a plugin that the runtime launches with /dev/null as its standard streams.
  package static func systemLog(path: String = SystemLogSocket.defaultPath) -> LogOutput {
    let socket = SystemLogSocket(path: path)
    return LogOutput { record throws(Errno) in try socket.send(record) }
  }

  /// Never blocks.
  func put(_ record: LogRecord) { queue.put(record) }

  /// Waits until everything is written, at most this long.
  package func flush(milliseconds: Int) { queue.flush(milliseconds: milliseconds) }

  /// Does the same, and ends the thread. A thread that the log's reader holds is left behind.
  package func stop(milliseconds: Int) { queue.stop(milliseconds: milliseconds) }
}

/// Puts lines into a `LogOutput`.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  private let output: LogOutput

  package init(level: Logger.Level, _ output: LogOutput) { (logLevel, self.output) = (level, output) }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    output.put(LogRecord(level: event.level, text: LogLine.text(event.message, all)))
  }
}

extension SystemLogSocket {
  func send(_ record: LogRecord) throws(Errno) {
    try send(record.level.systemLevel, seconds: time_t(record.nanoseconds / 1_000_000_000), record.text)
  }
}

extension Logger.Level {
  /// The level of syslog(3).
  fileprivate var systemLevel: Int32 {
    switch self {
    case .trace, .debug: LOG_DEBUG
    case .info: LOG_INFO
    case .notice: LOG_NOTICE
    case .warning: LOG_WARNING
    case .error: LOG_ERR
    case .critical: LOG_CRIT
    }
  }
}
