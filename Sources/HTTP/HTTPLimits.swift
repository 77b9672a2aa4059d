/// What a client may cost. A client that asks as Prometheus does needs far less.
package enum HTTPLimits {
  package static let connections = 16
  package static let connectionsPerSecond = 100
  /// Of a request, with all its headers.
  package static let requestMaxBytes = 4096
  /// For the request, for making the answer, and for taking the answer: so long each.
  package static let patience = Duration.seconds(5)
  /// How long a client may still send after its answer.
  static let drainPatience = Duration.seconds(1)
  /// The time until an address that is in use is tried again.
  package static let retry = Duration.seconds(5)
  /// How old an answer may be that a client gets.
  package static let answerMaxAge = Duration.seconds(1)
}
