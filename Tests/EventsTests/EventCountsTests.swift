import BPF
import Glibc
import Policy
import System
import Testing

@testable import Events

private let decoder = EventDecoder(
  tier: .signal, subject: { _, _ in nil }, commandLine: { _ in nil }, bootOffsetNanoseconds: { 0 })

private func record(_ kind: KernelEvent.Kind, _ effect: KernelEvent.Effect = .refused) -> Event {
  .record(decoder.decode(KernelEvent(cgroupID: CgroupID(7), kind: kind, effect: effect, reason: .rule)))
}

private let others: [Event] = [
  .lost(EventLosses(timeNanoseconds: 0, counts: [], unwritten: 1)),
  .tierLowered(TierLoss(timeNanoseconds: 0, from: .lsm, to: .signal, reason: "")),
  .tampered(Tampering(timeNanoseconds: 0, subject: nil, what: "", problem: nil)),
  .nodeGate(GateRecord(NodeGate.Record(timeNanoseconds: 0, act: .closed, user: nil, reason: ""))),
  .idle(
    IdleRecord(
      timeNanoseconds: 0,
      subject: Subject(
        containerID: "", containerName: "", podName: "", podNamespace: "", podUID: "", image: ""),
      profile: nil, what: "")),
]

@Suite(.timeLimit(.minutes(1))) struct EventCountsTests {
  private let hub = EventHub()

  @Test("the kind and the section of an event are those of its record")
  func kinds() {
    for event in others + KernelEvent.Kind.allCases.map({ record($0) }) {
      #expect(event.json.text.contains("\"kind\":\"\(event.kind)\""))
    }
    for event in others { #expect(event.section == .node) }
    #expect(record(.egress).section == .network && record(.map).section == .process)
  }

  @Test("what is published is counted, whether or not anybody takes it, and what is no decision is none")
  func nobody() {
    for event in others + [record(.exec, .killed), record(.map, .audited), record(.ingress, .dropped)] {
      hub.publish(event)
    }
    let values = hub.counts.values
    #expect(
      values.decisions == [.init(.process, .killed): 1, .init(.process, .audited): 1, .init(.network, .dropped): 1])
    #expect(values.decisions.keys.filter { $0.action == "Audit" } == [.init(.process, .audited)])
    #expect(values.kinds.count == 8 && values.kinds.values.allSatisfy { $0 == 1 } && values.unwritten == [:])
  }

  @Test("in a storm by many threads the numbers are those that a reader gets, and the rest is counted as unwritten")
  func storm() throws {
    let (taken, told, isHeld) = (Monitor<[String: UInt64]>([:]), Monitor<UInt64>(0), Monitor(true))
    let subscription = hub.subscribe(
      "slow", limitBytes: 64 << 10,
      .events { event in
        isHeld.wait { !$0 }
        if case .lost(let losses) = event { return told.withLock { $0 += losses.unwritten } }
        taken.withLock { $0[event.kind, default: 0] += 1 }
      })
    let all = Monitor<UInt64>(0)
    hub.subscribe("fast", limitBytes: 1 << 30, .events { _ in all.withLock { $0 += 1 } })
    let kinds = KernelEvent.Kind.allCases
    let threads = try (0..<4).map { number in
      try Thread { [hub] in for index in 0..<2500 { hub.publish(record(kinds[(index + number) % kinds.count])) } }
    }
    for thread in threads { thread.join() }
    isHeld.withLock { $0 = false }
    hub.flush(milliseconds: 30_000)
    let values = hub.counts.values
    #expect(all.read { $0 } == 10_000 && values.kinds.values.reduce(0, +) == 10_000)
    #expect(values.decisions.values.reduce(0, +) == 10_000)
    let unwritten = values.unwritten[.init(.output, .full)] ?? 0
    #expect(unwritten > 0 && values.unwritten.count == 1)
    #expect(told.read { $0 } == unwritten && subscription.progress.lost == Int(unwritten))
    #expect(taken.read { $0.values.reduce(0, +) } == 10_000 - unwritten)
    hub.close(log: .init(label: "test"))
  }

  @Test("what is lost while writing fails is told apart")
  func failing() {
    let failed = Monitor(0)
    hub.subscribe(
      "broken", limitBytes: 4 << 10,
      .events { _ throws(Errno) in
        failed.withLock { $0 += 1 }
        throw Errno(ENOSPC, "write")
      })
    hub.publish(record(.exec))
    // The second try comes after the first one was noted.
    failed.wait { $0 >= 2 }
    for _ in 0..<20 { hub.publish(record(.exec)) }
    let values = hub.counts.values
    #expect(values.unwritten.keys.map(\.loss) == [.error] && values.unwritten.values.allSatisfy { $0 > 0 })
    #expect(values.decisions == [.init(.process, .refused): 21])
    hub.close(milliseconds: 1, log: .init(label: "test"))
  }
}
