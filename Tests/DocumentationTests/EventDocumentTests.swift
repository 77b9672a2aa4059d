import BPF
import CStockade
import Enforcement
import Events
import Glibc
import Policy
import System
import Testing

/// docs/events.md against what the decoder can give.
@Suite struct EventDocumentTests {
  private let document: Document

  init() throws { document = try Document("docs/events.md") }

  private static let subject = Subject(
    containerID: "c", containerName: "app", podName: "p", podNamespace: "n", podUID: "u", image: "i")

  private static let decoder = EventDecoder(
    subject: { _, _ in
      EventSubject(subject: subject, profile: Profile(name: "web", file: "web.yaml"), tier: .lsm)
    },
    commandLine: { _ in Array("a".utf8) }, bootOffsetNanoseconds: { 0 })

  private static func record(hook: String = "", _ change: (inout stockade_event) -> Void) -> EventRecord? {
    var header = stockade_event()
    (header.kind, header.effect, header.reason) = (1, 1, 1)
    header.pid = 1
    change(&header)
    return decoder.decode(
      KernelEvent(header: header, path: Array("/a".utf8), arguments: [Array("a".utf8)], hook: Array(hook.utf8)))
  }

  /// Of every number that the kernel could write.
  private static func words(
    _ change: (inout stockade_event, UInt32) -> Void, _ word: (EventRecord) -> String?
  ) -> [String] {
    (0..<256).compactMap { number in record { change(&$0, number) }.flatMap(word) }
  }

  private func listed(_ heading: String) -> [String] {
    document.rows(headed: heading).flatMap { Document.code(in: $0[0]) }
  }

  @Test("the table of kinds has every kind that is written, and no other")
  func kinds() {
    let written = Self.words({ $0.kind = $1 }) { $0.kind.rawValue }
    #expect(Set(listed("kind")) == Set(written + ["dropped", "tierLowered", "nodeGate", "tampered"]))
  }

  @Test("the effects are those that are written")
  func effects() throws {
    let text = try #require(document.blocks.first { $0.hasPrefix("`audited`:") })
    for word in Self.words({ $0.effect = $1 }, { $0.effect.rawValue }) { #expect(text.contains("`\(word)`: ")) }
    #expect(text.ranges(of: "`: ").count == 4)
  }

  @Test("the table of reasons has every reason that is written, and no other")
  func reasons() {
    let written = Self.words({ $0.reason = $1 }) { $0.reason.hasPrefix("unknown(") ? nil : $0.reason }
    #expect(Set(listed("reason")) == Set(written))
  }

  @Test("what is reached for of Stockade's, and the protocols of a peer, are those that are written")
  func otherWords() throws {
    let reached = Self.words({ ($0.kind, $0.surface) = (STOCKADE_EVENT_PROTECTED.rawValue, $1) }) { $0.surface }
    let surface = try #require(document.rows(headed: "member").first { $0[0] == "`surface`" })
    #expect(Set(Document.code(in: surface[2])).isSuperset(of: reached))
    let names = Self.words({ ($0.family, $0.protocol) = (UInt8(AF_INET), UInt8($1)) }) { $0.peer?.transport }
    let peer = try #require(document.rows(headed: "member of `peer`").first { $0[0] == "`protocol`" })
    #expect(Set(names.filter { Int($0) == nil }) == Set(Document.code(in: peer[2])))
  }

  @Test("the table of counters has every counter, and no other")
  func counters() {
    let told = KernelCounter.allCases.map(\.rawValue) + [EventLosses.unwrittenName]
    #expect(Set(listed("member of `counts`")) == Set(told))
  }

  /// Records that together have every member.
  private static let fullest: [EventRecord] = [
    record(hook: "/hook") { ($0.path_truncated, $0.arguments_truncated, $0.rule) = (1, 1, 0) },
    record { ($0.kind, $0.access, $0.path_truncated) = (STOCKADE_EVENT_FILE.rawValue, 3, 1) },
    record { ($0.kind, $0.surface) = (STOCKADE_EVENT_PROTECTED.rawValue, 1) },
    record { ($0.kind, $0.target_pid, $0.target_id) = (STOCKADE_EVENT_TRACE.rawValue, 1, 1) },
    record { ($0.kind, $0.family) = (STOCKADE_EVENT_CONNECT.rawValue, UInt8(AF_INET)) },
  ].compactMap(\.self)

  @Test("the tables of members have every member that is written, and no other")
  func members() {
    var written: Set<String> = []
    for record in Self.fullest { Self.collect(record.json, into: &written) }
    let tables =
      listed("member")
      + ["process", "file", "peer"].flatMap { object in
        listed("member of `\(object)`").map { "\(object).\($0)" }
      }
    // A target's are as the record's own.
    written = written.filter { !$0.hasPrefix("target.container.") && !$0.hasPrefix("target.pod.") }
    written.formUnion(["target.container", "target.pod", "process", "file", "peer"])
    #expect(Set(tables) == written)
  }

  @Test("the table of the gates' members, and its acts, are those that are written")
  func gateRecords() throws {
    let record = NodeGate.Record(
      timeNanoseconds: 1, act: STOCKADE_ACT_FREED, untilNanoseconds: 1, user: 1, pod: "/a", reason: "why")
    var written: Set<String> = []
    Self.collect(GateRecord(record, lost: 1).json, into: &written)
    #expect(Set(listed("member of `nodeGate`")) == written.subtracting(["time", "kind"]))
    let act = try #require(document.rows(headed: "member of `nodeGate`").first { $0[0] == "`act`" })
    #expect(Document.code(in: act[2]).sorted() == GateRecord.actNames)
  }

  private static func collect(_ json: JSON, _ place: String = "", into names: inout Set<String>) {
    guard case .object(let members) = json else {
      names.insert(place)
      return
    }
    for (name, value) in members { collect(value, place.isEmpty ? name : "\(place).\(name)", into: &names) }
  }
}
