import CStockade

/// A counter of the kernel programs. The raw value is its name in the records; docs/events.md lists them.
package enum KernelCounter: String, CaseIterable, Sendable {
  case eventsDroppedFull, eventsDroppedRate, flowsFull, markFailed, readFailed, straysFull, scratchBusy

  /// In `enum stockade_counter`.
  var index: Int {
    switch self {
    case .eventsDroppedFull: Int(STOCKADE_EVENTS_DROPPED_FULL.rawValue)
    case .eventsDroppedRate: Int(STOCKADE_EVENTS_DROPPED_RATE.rawValue)
    case .flowsFull: Int(STOCKADE_FLOWS_FULL.rawValue)
    case .markFailed: Int(STOCKADE_MARK_FAILED.rawValue)
    case .readFailed: Int(STOCKADE_READ_FAILED.rawValue)
    case .straysFull: Int(STOCKADE_STRAYS_FULL.rawValue)
    case .scratchBusy: Int(STOCKADE_SCRATCH_BUSY.rawValue)
    }
  }
}

/// The kernel programs' counters, by `enum stockade_counter`.
package struct KernelCounters: Equatable, Sendable {
  package var values: [UInt64]

  package init(_ values: [UInt64] = []) { self.values = values }

  /// The counters that rose, and by how much.
  package func losses(since earlier: KernelCounters) -> [EventLosses.Count] {
    KernelCounter.allCases.compactMap { counter in
      let rise = self[counter].subtractingReportingOverflow(earlier[counter])
      return rise.overflow || rise.partialValue == 0 ? nil : .init(counter: counter, count: rise.partialValue)
    }
  }

  private subscript(_ counter: KernelCounter) -> UInt64 {
    values.indices.contains(counter.index) ? values[counter.index] : 0
  }
}
