import BPF
import Policy
import System
import Testing

@testable import Events

private func event(_ number: Int) -> Event {
  .tierLowered(TierLoss(timeNanoseconds: Int64(number), from: .lsm, to: .signal, reason: ""))
}

@Suite("events are remembered for a while")
struct EventBacklogTests {
  private func times(_ events: [(UInt64, Event)]) -> [Int64] { events.map(\.1.timeNanoseconds) }

  @Test("whoever comes again gets what came since, and knows what is forgotten")
  func after() {
    var backlog = EventBacklog()
    #expect(backlog.events(after: 0).events.isEmpty && backlog.last == 0)
    for number in 1...3 { #expect(backlog.add(event(number)) == UInt64(number)) }
    #expect(times(backlog.events(after: 1).events) == [2, 3])
    #expect(backlog.events(after: 1).events.map(\.0) == [2, 3] && backlog.events(after: 1).missed == 0)
    #expect(backlog.events(after: 3).events.isEmpty && backlog.events(after: 9).events.isEmpty)
    let latest = { (count: Int) in backlog.latest(count) { $0.timeNanoseconds != 2 }.map(\.number) }
    #expect(latest(1) == [3] && latest(2) == [1, 3] && latest(99) == [1, 3] && latest(0).isEmpty)
  }

  @Test("it never holds more than its limits, and the numbers go on")
  func limits() {
    var backlog = EventBacklog()
    for number in 1...3000 { _ = backlog.add(event(number)) }
    let (events, missed) = backlog.events(after: 0)
    #expect(events.count <= EventBacklog.countMax && events.count * 1024 <= EventBacklog.bytesMax)
    #expect(events.last?.0 == 3000 && missed == 3000 - UInt64(events.count))
    #expect(events.first?.0 == missed + 1)
    let large = Tampering(
      timeNanoseconds: 1, subject: nil, what: String(repeating: "x", count: EventBacklog.bytesMax), problem: nil)
    #expect(backlog.add(.tampered(large)) == 3001)
    #expect(backlog.events(after: 0).missed == 3001)
  }

  @Test("a guest gets each wanted event once and in order, from the past on; then it is gone")
  func guest() throws {
    let hub = EventHub()
    for number in 1...5 { hub.publish(event(number)) }
    let got = Monitor<[UInt64?]>([])
    let guest = try hub.addGuest("test", limitBytes: 1 << 20, from: .after(2), wants: { $0.timeNanoseconds != 4 }) {
      (number, _) in got.withLock { $0.append(number) }
    }
    for number in 6...8 { hub.publish(event(number)) }
    #expect(got.wait(milliseconds: 5000) { $0 == [3, 5, 6, 7, 8] })
    #expect(guest.begin == 2 && guest.missed == 0)
    hub.remove(guest)
    hub.publish(event(9))
    #expect(got.read { $0.count } == 5)
    let even = hub.past(from: .last(2)) { $0.timeNanoseconds % 2 == 0 }
    #expect(even.events.map(\.number) == [6, 8] && even.begin == 5)
    #expect(hub.past(from: .last(2)) { _ in false }.begin == 9)
  }

  @Test("a guest that comes late gets all that is remembered, however slowly it takes it")
  func late() throws {
    let hub = EventHub()
    for number in 1...EventBacklog.countMax { hub.publish(event(number)) }
    let isFree = Monitor(false)
    let got = Monitor<[UInt64?]>([])
    let guest = try hub.addGuest("test", limitBytes: 0, from: .after(0), wants: { _ in true }) { (number, _) in
      isFree.wait { $0 }
      got.withLock { $0.append(number) }
    }
    isFree.withLock { $0 = true }
    let all = hub.past(from: .after(0)) { _ in true }.events.map(\.number)
    #expect(got.wait(milliseconds: 5000) { $0 == all })
    #expect(UInt64(all.count) + guest.missed == UInt64(EventBacklog.countMax))
    hub.remove(guest)
  }

  @Test("a guest that takes nothing loses events, and is told how many")
  func slow() throws {
    let hub = EventHub()
    let isFree = Monitor(false)
    let got = Monitor<[UInt64?]>([])
    let lost = Monitor<UInt64>(0)
    let guest = try hub.addGuest("test", limitBytes: 0, from: .last(0), wants: { _ in true }) { (number, event) in
      isFree.wait { $0 }
      got.withLock { $0.append(number) }
      if case .lost(let losses) = event { lost.withLock { $0 += losses.unwritten } }
    }
    for number in 1...1000 { hub.publish(event(number)) }
    isFree.withLock { $0 = true }
    #expect(got.wait(milliseconds: 5000) { UInt64($0.filter { $0 != nil }.count) + lost.read { $0 } == 1000 })
    #expect(lost.read { $0 } > 400)
    hub.remove(guest)
  }
}
