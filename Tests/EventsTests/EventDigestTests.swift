import BPF
import Testing

@testable import Events

private func exec(_ path: String) -> Event {
  .record(
    EventRecord(
      timeNanoseconds: 0, kind: .exec, effect: .killed, reason: .rule, cgroupID: CgroupID(1), profile: "",
      tier: .signal,
      process: .init(pid: 1, parentPID: 0, uid: 0, comm: "", path: path)))
}

private func lost(_ counter: KernelCounter, _ count: UInt64) -> Event {
  .lost(EventLosses(timeNanoseconds: 0, counts: [.init(counter: counter, count: count)]))
}

@Suite struct EventDigestTests {
  @Test("equal lines are one with a count, in the order of their first; what is missing is summed up at the end")
  func lines() {
    var digest = EventDigest()
    for path in ["/b", "/a", "/b", "/b"] { digest.add(exec(path)) }
    digest.add(lost(.eventsDroppedRate, 1000))
    digest.add(exec("/a"))
    digest.add(exec("/c"))
    digest.add(lost(.eventsDroppedRate, 27))
    digest.add(lost(.eventsDroppedFull, 1))
    #expect(
      digest.text == [
        "killed exec /b: rule (3 times)", "killed exec /a: rule (2 times)", "killed exec /c: rule",
        "1 event is not shown: the kernel's buffer was full (eventsDroppedFull)",
        "1027 events are not shown: over the rate of 100 a second (eventsDroppedRate)",
      ])
  }

  @Test("what whoever keeps the digest was not told of is summed up too")
  func untold() {
    var digest = EventDigest()
    for count: UInt64 in [3, 4] { digest.add(.lost(EventLosses(timeNanoseconds: 0, counts: [], unwritten: count))) }
    #expect(digest.text == ["7 events are not shown: they came faster than they were taken (eventsUnwritten)"])
  }

  @Test("no more lines are kept than so many, and those beyond are counted", arguments: [(3, nil), (4, 1), (5, 2)])
  func limit(different: Int, beyond: Int?) {
    var digest = EventDigest(linesMax: 3)
    for number in 1...different { digest.add(exec("/\(number)")) }
    digest.add(exec("/1"))
    let shown = ["killed exec /1: rule (2 times)", "killed exec /2: rule", "killed exec /3: rule"]
    let notShown = beyond.map { $0 == 1 ? "1 event is not shown" : "\($0) events are not shown" }
    #expect(digest.text == shown + (notShown.map { ["\($0): over 3 different lines"] } ?? []))
  }

  @Test("what is missing is told by each counter", arguments: KernelCounter.allCases)
  func summary(counter: KernelCounter) {
    for count: UInt64 in [1, 12] {
      let text = EventLosses.Count(counter: counter, count: count).summary
      #expect(text.hasSuffix(" (\(counter.rawValue))"))
      #expect(text.contains(count == 1 ? "once" : "12 times") || text.hasPrefix(count == 1 ? "1 event " : "12 events "))
    }
  }
}
