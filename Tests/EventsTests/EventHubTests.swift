import Logging
import Synchronization
import System
import Testing

@testable import Events

private func event(_ reason: String) -> Event {
  .tierLowered(TierLoss(timeNanoseconds: 0, from: .lsm, to: .signal, reason: reason))
}

/// Takes events while it is let.
private final class Listener: Sendable {
  private let state = Monitor((isOpen: true, isEntered: false, heard: [String](), reopened: 0))

  var heard: [String] { state.read { $0.heard } }
  func setOpen(_ isOpen: Bool) { state.withLock { $0.isOpen = isOpen } }
  /// Until an event is with us and not taken.
  func waitForEntry() { state.wait { $0.isEntered } }
  func waitForReopening() { state.wait { $0.reopened > 0 } }

  @discardableResult
  func subscribe(to hub: EventHub, _ name: String = "test", limit: Int = 100) -> EventSubscription {
    hub.subscribe(
      name, limitBytes: limit * (event("x").heldBytes + 64), .events { [self] in hear($0) },
      reopen: { [state] in state.withLock { $0.reopened += 1 } })
  }

  private func hear(_ event: Event) {
    state.withLock { $0.isEntered = true }
    let text =
      switch event {
      case .tierLowered(let loss): loss.reason
      case .lost(let losses): "\(losses.unwritten) lost"
      default: "another"
      }
    state.wait { state -> Void? in
      if !state.isOpen { return nil }
      return state.heard.append(text)
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct EventHubTests {
  private let hub = EventHub()

  @Test("all who have subscribed are told of each event, in its order, from then on")
  func all() {
    let (first, second) = (Listener(), Listener())
    first.subscribe(to: hub)
    hub.publish(event("a"))
    second.subscribe(to: hub)
    for reason in ["b", "c"] { hub.publish(event(reason)) }
    hub.flush(milliseconds: 10_000)
    #expect(first.heard == ["a", "b", "c"] && second.heard == ["b", "c"])
  }

  @Test("one that is stuck loses what is over its bound, and is told how much; who publishes and the others go on")
  func stuck() {
    let (stuck, other) = (Listener(), Listener())
    stuck.setOpen(false)
    let (ofStuck, ofOther) = (stuck.subscribe(to: hub, limit: 3), other.subscribe(to: hub))
    hub.publish(event("a"))
    stuck.waitForEntry()
    // At the bound, and two past it.
    for reason in ["b", "c", "d", "e"] { hub.publish(event(reason)) }
    #expect(ofOther.flush(milliseconds: 10_000) && other.heard == ["a", "b", "c", "d", "e"])
    #expect(ofStuck.progress == .init(lost: 2, waiting: 3) && ofOther.progress == .init())
    #expect(!ofStuck.flush(milliseconds: 10))
    stuck.setOpen(true)
    #expect(ofStuck.flush(milliseconds: 10_000))
    hub.publish(event("f"))
    hub.flush(milliseconds: 10_000)
    #expect(stuck.heard == ["a", "b", "c", "2 lost", "f"])
  }

  @Test("a sink gets the records as lines, and files are begun anew where it is asked for")
  func sinks() {
    let listener = Listener(), sink = Lines()
    listener.subscribe(to: hub)
    hub.subscribe("lines", EventLineFormat(node: "n"), sink)
    hub.publish(event("a"))
    hub.reopen()
    hub.flush(milliseconds: 10_000)
    listener.waitForReopening()
    #expect(sink.lines == [event("a").json(node: "n").text])
  }
}

private final class Lines: EventSink {
  private let all = Mutex<[String]>([])
  var lines: [String] { all.withLock { $0 } }
  func write(_ line: String) { all.withLock { $0.append(line) } }
}
