import BPF
import System

/// What the records of some time do not report: which of the kernel's counters rose, and by how much; or how much was
/// not written.
package struct EventLosses: Equatable, Sendable {
  package struct Count: Equatable, Sendable {
    package var counter: KernelCounter
    package var count: UInt64

    package init(counter: KernelCounter, count: UInt64) {
      self.counter = counter
      self.count = count
    }
  }

  /// The time at which they were counted.
  package var timeNanoseconds: Int64
  package var counts: [Count]
  /// Records that this file or stream did not take. The kernel does not count these.
  package var unwritten: UInt64

  /// The member of `counts` that has the number `unwritten`.
  package static let unwrittenName = "eventsUnwritten"

  package init(timeNanoseconds: Int64, counts: [Count], unwritten: UInt64 = 0) {
    self.timeNanoseconds = timeNanoseconds
    self.counts = counts
    self.unwritten = unwritten
  }

  /// Whether nothing is missing.
  var isEmpty: Bool { counts.isEmpty && unwritten == 0 }

  /// The record of kind `dropped`.
  package var json: JSON {
    let unwritten = unwritten == 0 ? [] : [(Self.unwrittenName, JSON.unsigned(unwritten))]
    return .object([
      ("time", .string(Timestamp.rfc3339(nanoseconds: timeNanoseconds))), ("kind", "dropped"),
      ("counts", .object(counts.map { ($0.counter.rawValue, .unsigned($0.count)) } + unwritten)),
    ])
  }
}

extension EventLosses.Count {
  /// One line for people: `312 events are not shown: over the rate of 100 a second (eventsDroppedRate)`.
  package var summary: String {
    let times = count == 1 ? "once" : "\(count) times"
    let text =
      switch counter {
      case .eventsDroppedFull: "\(Self.notShown(count)): the kernel's buffer was full"
      case .eventsDroppedRate: "\(Self.notShown(count)): over the rate of \(KernelEvent.perSecondMax) a second"
      case .flowsFull: "\(times) a flow could not be remembered: its answers are judged by the way that they go"
      case .markFailed: "\(times) there was no memory to follow a process: it was blocked, or is followed otherwise"
      case .readFailed: "\(times) something in the kernel could not be read: it was blocked"
      case .straysFull:
        "\(times) a container had too many processes outside its cgroup: what let it be one more was killed"
      case .scratchBusy: "\(times) a program was interrupted, which cannot be, and another had no memory: it blocked"
      case .syscallsUnseen: "\(times) a system call was not looked at: whether it was denied is not known"
      }
    return "\(text) (\(counter.rawValue))"
  }

  static func notShown(_ count: UInt64) -> String {
    count == 1 ? "1 event is not shown" : "\(count) events are not shown"
  }
}

extension KernelCounters {
  /// The counters that rose, and by how much.
  package func losses(since earlier: KernelCounters) -> [EventLosses.Count] {
    KernelCounter.allCases.compactMap { counter in
      let rise = self[counter].subtractingReportingOverflow(earlier[counter])
      return rise.overflow || rise.partialValue == 0 ? nil : .init(counter: counter, count: rise.partialValue)
    }
  }
}
