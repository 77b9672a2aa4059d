import System
import YAML

extension ControlClient.WatchedEvent {
  private static let timeLength = "2026-01-31T09:30:00.000".count

  /// One line for people.
  package func line(isColoured: Bool) -> String {
    let time = Timestamp.rfc3339(nanoseconds: timeNanoseconds).prefix(Self.timeLength)
    let place = pod.isEmpty ? "node" : "\(namespace)/\(pod)/\(container)"
    let text = printable(summary)
    return "\(time)Z  \(printable(place))  \(isColoured ? coloured(text) : text)"
  }

  private func coloured(_ text: String) -> String {
    switch action {
    case "Block": "\u{1b}[31m\(text)\u{1b}[0m"
    case "Audit": "\u{1b}[33m\(text)\u{1b}[0m"
    default: text
    }
  }
}
