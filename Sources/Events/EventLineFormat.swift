import Glibc
import Policy
import System

/// How an event becomes a line.
package struct EventLineFormat: Equatable, Sendable {
  package var format: NodeConfiguration.EventsFormat
  /// The node's name in every line.
  package var node: String

  package init(_ format: NodeConfiguration.EventsFormat = .stockade, node: String = EventLineFormat.machineName) {
    (self.format, self.node) = (format, node)
  }

  package init(_ configuration: NodeConfiguration) {
    self.init(configuration.eventsFormat, node: configuration.nodeName ?? Self.machineName)
  }

  /// JSON, without a line break.
  package func line(_ event: Event) -> String {
    switch format {
    case .stockade: event.json(node: node).text
    case .ocsf: OCSFRecord(event, node: node).json.text
    }
  }

  /// As this machine calls itself. uname(2).
  package static var machineName: String {
    var names = utsname()
    uname(&names)
    return withUnsafeBytes(of: names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
