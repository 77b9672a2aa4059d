import Policy
import System

/// The node turned out to enforce less than its tier promises.
package struct TierLoss: Equatable, Sendable {
  /// The time at which it was noticed.
  package var timeNanoseconds: Int64
  package var from: Tier
  package var to: Tier
  package var reason: String

  package init(timeNanoseconds: Int64, from: Tier, to: Tier, reason: String) {
    (self.timeNanoseconds, self.from, self.to, self.reason) = (timeNanoseconds, from, to, reason)
  }

  /// The record of kind `tierLowered`.
  package var json: JSON {
    .object([
      ("time", .string(Timestamp.rfc3339(nanoseconds: timeNanoseconds))), ("kind", "tierLowered"),
      ("from", .string(from.name)), ("to", .string(to.name)), ("reason", .string(reason)),
    ])
  }

  /// One line for people.
  package var summary: String {
    from == to
      ? "tier \(to.name) is enforced only partly from here on: \(reason)"
      : "from here on this node has tier \(to.name), no longer \(from.name): \(reason)"
  }
}
