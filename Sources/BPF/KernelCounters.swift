import CStockade

/// A counter of the kernel's, or of its programs. The raw value is its name in the records; docs/events.md lists them.
package enum KernelCounter: String, CaseIterable, Sendable {
  case eventsDroppedFull, eventsDroppedRate, flowsFull, markFailed, readFailed, straysFull, scratchBusy,
    syscallsUnseen

  /// The key in the map `counters`; nil: the kernel itself counts this.
  var number: UInt32? {
    switch self {
    case .eventsDroppedFull: STOCKADE_EVENTS_DROPPED_FULL.rawValue
    case .eventsDroppedRate: STOCKADE_EVENTS_DROPPED_RATE.rawValue
    case .flowsFull: STOCKADE_FLOWS_FULL.rawValue
    case .markFailed: STOCKADE_MARK_FAILED.rawValue
    case .readFailed: STOCKADE_READ_FAILED.rawValue
    case .straysFull: STOCKADE_STRAYS_FULL.rawValue
    case .scratchBusy: STOCKADE_SCRATCH_BUSY.rawValue
    case .syscallsUnseen: nil
    }
  }
}

/// How often each counter was raised since the maps were made.
package struct KernelCounters: Equatable, Sendable {
  private var values: [KernelCounter: UInt64]

  package init(_ values: [KernelCounter: UInt64] = [:]) { self.values = values }

  package subscript(_ counter: KernelCounter) -> UInt64 {
    get { values[counter] ?? 0 }
    set { values[counter] = newValue }
  }

  /// Whether the counters could not be read.
  package var isEmpty: Bool { values.isEmpty }
}
