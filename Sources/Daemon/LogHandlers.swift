import CSystem
import Events
import Glibc
import Logging
import System

/// One line a record: what happened, then what it concerns.
struct LogLine {
  static func text(_ message: Logger.Message, _ metadata: Logger.Metadata) -> String {
    let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted("\($0.value)"))" }
    return escaped("\(message)") + pairs.joined()
  }

  private static func quoted(_ value: String) -> String {
    value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" })
      ? JSON.string(value).text : escaped(value)
  }

  /// Names come from pods: none may begin a line of its own, or steer a terminal.
  private static func escaped(_ value: String) -> String {
    guard value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return value }
    return String(JSON.string(value).text.dropFirst().dropLast())
  }
}

/// Lines on standard error with the time in front, for `stockade run`.
package struct StandardErrorLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level

  package init(level: Logger.Level) { logLevel = level }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let time = Timestamp.rfc3339(nanoseconds: Timestamp.now(CLOCK_REALTIME))
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    put("\(time) \(event.level) \(LogLine.text(event.message, all))\n", to: 2)
  }
}

/// syslog(3), for a plugin that the runtime launches with /dev/null as its standard streams.
package struct SystemLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level

  package init(level: Logger.Level) {
    logLevel = level
    system_open_log("stockade")
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    system_log(Self.priority(event.level), LogLine.text(event.message, all))
  }

  private static func priority(_ level: Logger.Level) -> Int32 {
    switch level {
    case .trace, .debug: LOG_DEBUG
    case .info: LOG_INFO
    case .notice: LOG_NOTICE
    case .warning: LOG_WARNING
    case .error: LOG_ERR
    case .critical: LOG_CRIT
    }
  }
}
