import CStockade

/// The kernel programs' counters, by `enum stockade_counter`.
package struct KernelCounters: Equatable, Sendable {
  package var values: [UInt64]

  package init(_ values: [UInt64] = []) { self.values = values }

  package static let names: [(index: Int, name: String)] = [
    (Int(STOCKADE_EVENTS_DROPPED_FULL.rawValue), "eventsDroppedFull"),
    (Int(STOCKADE_EVENTS_DROPPED_RATE.rawValue), "eventsDroppedRate"),
    (Int(STOCKADE_FLOWS_FULL.rawValue), "flowsFull"),
    (Int(STOCKADE_MARK_FAILED.rawValue), "markFailed"),
    (Int(STOCKADE_READ_FAILED.rawValue), "readFailed"),
    (Int(STOCKADE_STRAYS_FULL.rawValue), "straysFull"),
  ]

  /// The counters that rose, and by how much.
  package func losses(since earlier: KernelCounters) -> [(name: String, count: UInt64)] {
    Self.names.compactMap { index, name in
      guard values.indices.contains(index) else { return nil }
      let before = earlier.values.indices.contains(index) ? earlier.values[index] : 0
      return values[index] > before ? (name, values[index] - before) : nil
    }
  }
}
