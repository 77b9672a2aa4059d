import BPF

/// Which of the kernel's tables are nearly full, and were not when they were looked at before.
package struct FillWatch: Sendable {
  /// From there on a table is told of, and again after it was below the other.
  package static let (fullPercent, emptierPercent) = (90, 80)

  private var told: Set<String> = []

  package init() {}

  package mutating func news(_ fills: [MapFill]) -> [MapFill] {
    told.subtract(fills.filter { $0.percent < Self.emptierPercent }.map(\.name))
    return fills.filter { $0.percent >= Self.fullPercent && told.insert($0.name).inserted }
  }
}

extension MapFill {
  /// Rounded down.
  package var percent: Int { count * 100 / limit }
}
