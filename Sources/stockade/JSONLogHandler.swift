import Events
import Glibc
import Logging
import System

/// The plugin's log as records of `stockade try -o json`.
struct JSONLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level
  private let record: @Sendable (String) -> Void

  init(level: Logger.Level, record: @escaping @Sendable (String) -> Void) {
    logLevel = level
    self.record = record
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let json: JSON = [
      "kind": "log", "time": .string(Timestamp.rfc3339(nanoseconds: Timestamp.now(CLOCK_REALTIME))),
      "level": .string(event.level.rawValue), "message": .string("\(event.message)"),
      "metadata": .object(all.map { ($0.key, .string("\($0.value)")) }),
    ]
    record(json.text)
  }
}
