import BPF
import Synchronization
import System

/// How much was published, whether or not anybody takes it. It is counted where it is published, behind no queue.
package final class EventCounts: Sendable {
  /// What a profile, or a protection, decided about an action.
  package struct Decision: Hashable, Sendable {
    package var section: EventSection
    package var effect: KernelEvent.Effect

    package init(_ section: EventSection, _ effect: KernelEvent.Effect) {
      (self.section, self.effect) = (section, effect)
    }

    /// The record's `action`.
    package var action: String { effect.action }
  }

  package enum Subscriber: String, CaseIterable, Sendable {
    /// A file, or standard output.
    case output
    /// A client of the control API, which comes and goes.
    case client
  }

  /// Whom an event did not reach, and why.
  package struct Unwritten: Hashable, Sendable {
    package var subscriber: Subscriber
    package var loss: QueueLoss
    package init(_ subscriber: Subscriber, _ loss: QueueLoss) { (self.subscriber, self.loss) = (subscriber, loss) }
  }

  package struct Values: Equatable, Sendable {
    package var decisions: [Decision: UInt64] = [:]
    /// By the kind of the event.
    package var kinds: [String: UInt64] = [:]
    /// Events that a subscriber did not take.
    package var unwritten: [Unwritten: UInt64] = [:]
    package init() {}
  }
  private let state = Mutex(Values())

  package var values: Values { state.withLock { $0 } }

  func note(_ event: Event) {
    state.withLock { state in
      state.kinds[event.kind, default: 0] += 1
      if case .record(let record) = event {
        state.decisions[Decision(record.kind.section, record.effect), default: 0] += 1
      }
    }
  }

  func note(_ loss: QueueLoss, by subscriber: Subscriber) {
    state.withLock { $0.unwritten[Unwritten(subscriber, loss), default: 0] += 1 }
  }
}
