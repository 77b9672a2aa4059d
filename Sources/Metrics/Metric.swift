/// A metric as Prometheus knows it: its name, and what its numbers mean.
package struct Metric: Hashable, Sendable {
  package enum Kind: String, CaseIterable, Sendable { case counter, gauge, histogram }

  package let kind: Kind
  package let name: String
  /// The names of the labels, in the order in which their values are given.
  package let labels: [String]
  package let help: String

  package init(_ kind: Kind, _ name: String, labels: [String] = [], _ help: String) {
    (self.kind, self.name, self.labels, self.help) = (kind, name, labels, help)
  }
}
