import BPF
import Events
import Policy
import Recording
import Testing

@Suite struct RecordedFactsTests {
  private func event(
    _ kind: KernelEvent.Kind, _ reason: EventReason = .defaultAction, as key: UInt64 = 10,
    _ change: (inout KernelEvent) -> Void = { _ in }
  ) -> KernelEvent {
    var event = KernelEvent(cgroupID: CgroupID(1), kind: kind, effect: .audited, reason: reason)
    (event.recordedAs, event.path) = (key, Array("/bin/a".utf8))
    change(&event)
    return event
  }

  private func recording(_ events: [KernelEvent], _ counts: RecordingCounts = RecordingCounts()) -> Recording {
    var facts = RecordedFacts()
    for event in events { facts.add(event) }
    var recording = Recording(workload: "w", tier: .lsm, beganNanoseconds: 0, seconds: 0)
    facts.fill(&recording, counts)
    return recording
  }

  private let file = Recording.File(path: Array("/bin/a".utf8))

  @Test("a fact has the kernel's count, and without one that of its events")
  func counts() {
    var counts = RecordingCounts()
    counts.facts = [10: 500]
    let events = [event(.exec), event(.exec, as: 11) { $0.isOfEntrypoint = true }]
    let found = recording(events + [events[1]], counts)
    #expect(found.execs == [.init(file: file): 500, .init(file: file, isEntrypoint: true): 2])
    #expect(found.isWhole)
  }

  @Test("each kind of event is a fact of its part")
  func parts() {
    let peer = KernelEvent.Peer(address: [10, 0, 0, 1], port: 443, localPort: 50000, protocolNumber: 6)
    let found = recording([
      event(.map, .newExecutables, as: 1) { $0.isNew = true },
      event(.file, as: 2) { $0.access = [.read, .write] },
      event(.connect, as: 3) { $0.peer = peer },
      event(.ingress, as: 4) { $0.peer = peer },
      event(.bind, as: 5) { $0.peer = peer },
      event(.kernel, .rule, as: 6) { $0.surface = .mount },
      event(.kernel, .rule, as: 7) { $0.socketFamily = .netlink },
      event(.exec, .fileless, as: 8) { $0.pathIsTruncated = true },
    ])
    #expect(found.mappings == [.init(file: .init(path: file.path, isNew: true)): 1])
    #expect(found.files == [.init(path: file.path, access: .read): 1, .init(path: file.path, access: .write): 1])
    let (remote, own) = (Recording.Port(transport: .tcp, port: 443), Recording.Port(transport: .tcp, port: 50000))
    #expect(
      found.connections == [
        .init(direction: .egress, address: peer.address, port: remote): 1,
        .init(direction: .ingress, address: peer.address, port: own): 1,
      ])
    #expect(found.binds == [own: 1])
    #expect(found.surfaces == [.mount: 1] && found.families == [.netlink: 1])
    #expect(found.execs == [.init(file: .init(path: file.path, isFileless: true)): 1])
    #expect(found.isWhole)
  }

  @Test("a protocol whose ports no rule names has none")
  func portless() {
    let peer = KernelEvent.Peer(address: [10, 0, 0, 1], port: 8, localPort: 77, protocolNumber: 1)
    let found = recording([event(.egress) { $0.peer = peer }])
    #expect(found.connections.keys.first?.port == .init(transport: nil, port: 0))
  }

  @Test("the root has a path, though the kernel's is empty")
  func root() {
    let found = recording([event(.file) { ($0.path, $0.access) = ([], [.read]) }])
    #expect(found.files == [.init(path: [UInt8(ascii: "/")], access: .read): 1])
  }

  @Test(
    "what no rule can name is a loss", arguments: [EventReason.unknownPath, .overLongPath],
    [KernelEvent.Kind.exec, .map, .file])
  func unknown(_ reason: EventReason, _ kind: KernelEvent.Kind) {
    let found = recording([event(kind, reason) { $0.access = [.read] }])
    #expect(found.losses == ["pathUnknown": 1] && found.execs.isEmpty && found.files.isEmpty)
  }

  @Test("a packet that cannot be read is a loss, and so is what the kernel lost")
  func lost() {
    var counts = RecordingCounts()
    counts.lost = 3
    let found = recording([event(.egress, .unparsedPacket)], counts)
    #expect(found.losses == ["packetUnknown": 1, "eventsDroppedFull": 3] && !found.isWhole)
  }

  @Test("one fact more than fits is a loss, and the others stay")
  func limit() {
    let events = (0..<UInt64(RecordedFacts.maximum + 1)).map { number in
      event(.bind, as: number + 10) { $0.peer = .init(address: [0, 0, 0, 0], localPort: 1, protocolNumber: 6) }
    }
    let found = recording(events)
    #expect(found.binds.values.reduce(0, +) == UInt64(RecordedFacts.maximum))
    #expect(found.losses == ["factsUnkept": 1])
  }

  @Test("long paths fill the memory before there are as many facts as may be")
  func memory() {
    var facts = RecordedFacts()
    for number in 0..<UInt64(40_000) {
      facts.add(event(.exec, as: number + 10) { $0.path = .init(repeating: 97, count: 2048) })
    }
    #expect(facts.count < 40_000 && facts.count > 10_000)
  }

  @Test("with arguments, an exec is told twice where files are judged before the load; it counts once")
  func arguments() {
    let script = Recording.File(path: Array("/bin/s".utf8))
    let events = [
      event(.exec, as: 20), event(.exec, as: 21) { ($0.arguments, $0.isRecordedOnly) = ([[97], [98]], true) },
      event(.exec, as: 22) { ($0.argumentsAreTruncated, $0.isRecordedOnly) = (true, true) },
      event(.exec, as: 23) { $0.path = script.path },
    ]
    var counts = RecordingCounts()
    counts.facts = [20: 5, 21: 3, 22: 2, 23: 4]
    counts.hasArguments = true
    #expect(
      recording(events, counts).execs == [
        .init(file: file, arguments: [[97], [98]]): 3, .init(file: file): 2, .init(file: script): 4,
      ])
    counts.hasArguments = false
    #expect(recording(Array(events.suffix(2)), counts).execs == [.init(file: file): 2, .init(file: script): 4])
  }

  @Test("an event that is not recorded is no fact")
  func others() {
    #expect(recording([event(.exec) { $0.recordedAs = nil }]).execs.isEmpty)
  }
}
