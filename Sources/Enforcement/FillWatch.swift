import BPF

/// Finds the kernel's tables that are nearly full, and were not at the last look.
package struct FillWatch: Sendable {
  /// A table is reported when it reaches the first number. It is reported again only after it was below the second one.
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
