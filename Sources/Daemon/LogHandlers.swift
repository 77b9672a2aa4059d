import Events
import Logging
import System

/// A record is one line: what happened, then what it concerns.
struct LogLine {
  static func text(_ message: Logger.Message, _ metadata: Logger.Metadata) -> String {
    let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted("\($0.value)"))" }
    return escaped("\(message)") + pairs.joined()
  }

  private static func quoted(_ value: String) -> String {
    value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" })
      ? JSON.string(value).text : escaped(value)
  }

  /// Names come from pods. No name may begin a line of its own, or steer a terminal.
  private static func escaped(_ value: String) -> String {
    guard value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return value }
    return String(JSON.string(value).text.dropFirst().dropLast())
  }
}

/// Lines on standard error with the time in front, written at once. It is for commands that nobody waits for.
package struct StandardErrorLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level

  package init(level: Logger.Level) { logLevel = level }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    put(Self.line(LogRecord(level: event.level, text: LogLine.text(event.message, all))) + "\n", to: 2)
  }

  /// Without a line's end.
  static func line(_ record: LogRecord) -> String {
    "\(Timestamp.rfc3339(nanoseconds: record.nanoseconds)) \(record.level) \(record.text)"
  }
}
