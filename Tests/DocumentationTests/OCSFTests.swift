import BPF
import Events
import Policy
import System
import Testing

/// docs/ocsf.md against what is written, and OCSF's records against Stockade's own.
@Suite struct OCSFTests {
  /// An event of every shape: those of the other tests, and what may be missing in them.
  static let events: [Event] =
    EventSchemaTests.events
    + KernelEvent.Kind.allCases.flatMap { kind in
      KernelEvent.Effect.allCases.flatMap { effect in
        [true, false].map { .record(record(kind, effect, isFull: $0)) }
      }
    }
    + EventRecord.Transport.allCases.map { transport in
      var record = record(.egress, .dropped, isFull: true)
      record.peer?.transport = transport
      return .record(record)
    }
    + [
      .tampered(Tampering(timeNanoseconds: 1, subject: subject, what: "pins", problem: "none")),
      .idle(IdleRecord(timeNanoseconds: 1, subject: subject, profile: "web", what: "a rule")),
      .lost(EventLosses(timeNanoseconds: 1, counts: [], unwritten: 2)),
      .nodeGate(GateRecord(NodeGate.Record(timeNanoseconds: 1, act: .freed, user: 7, pod: "/p", reason: "r"), lost: 1)),
    ]

  private static let subject = EventDocumentTests.record().subject!

  private static func record(_ kind: KernelEvent.Kind, _ effect: KernelEvent.Effect, isFull: Bool) -> EventRecord {
    var record = EventDocumentTests.record(kind) { event in
      event.effect = effect
      event.peer = .init(address: [10, 0, 0, 1], port: 443, localPort: 8080, protocolNumber: 6)
      event.target = .init(pid: 77, cgroupID: CgroupID(1))
      event.access = effect == .audited ? [.read] : [.write]
    }
    if !isFull { (record.process, record.peer, record.target, record.file, record.subject) = (nil, nil, nil, nil, nil) }
    return record
  }

  @Test("nothing of an event is missing in its record of OCSF", arguments: events)
  func complete(event: Event) {
    let text = OCSFSchemaTests.format.line(event)
    for (place, value) in Self.leaves(event.json(node: "node-1")) {
      let isSaid =
        switch place {
        // A process that was not read, and a port that is not known.
        case "process.parentPid" where value == "0", "peer.port" where value == "0",
          "peer.localPort" where value == "0":
          true
        case "profile" where value == "\"\"", "process.comm" where value == "\"\"": true
        case "peer.protocol": text.lowercased().contains(value.lowercased())
        // Numbers of users are texts in OCSF.
        case "process.uid", "user": text.contains("{\"uid\":\"\(value)\"}")
        default: text.contains(value)
        }
      #expect(isSaid, "\(place) \(value) in \(text)")
    }
  }

  private static func leaves(_ json: JSON, _ place: String = "") -> [(String, String)] {
    switch json {
    case .object(let members): members.flatMap { leaves($0.1, place.isEmpty ? $0.0 : "\(place).\($0.0)") }
    case .array(let values): values.flatMap { leaves($0, place) }
    default: [(place, json.text)]
    }
  }

  // MARK: The document

  /// What the document's table says of a kind.
  private struct Row: Hashable {
    var kind: String
    var type: String
    var severity: String
  }

  private static func written(_ event: Event) throws -> Row {
    func text(_ name: String, in json: String) throws -> String {
      let found = try #require(json.ranges(of: "\"\(name)\":").first)
      return String(json[found.upperBound...].prefix { !",}".contains($0) }.filter { $0 != "\"" })
    }
    let line = OCSFSchemaTests.format.line(event)
    return Row(
      kind: try text("event_code", in: line),
      type: "\(try text("type_uid", in: line)) \(try text("activity_name", in: line))",
      severity: try text("severity", in: line))
  }

  @Test("the table says which type and severity each kind of event becomes")
  func table() throws {
    let rows = try Document("docs/ocsf.md").rows(headed: "kind")
    var written: [String: (types: Set<String>, severities: Set<String>)] = [:]
    for event in Self.events where Self.hasAll(event) {
      let row = try Self.written(event)
      written[row.kind, default: ([], [])].types.insert(row.type)
      written[row.kind, default: ([], [])].severities.insert(row.severity)
    }
    let named = rows.flatMap { Document.code(in: $0[0]) }
    #expect(named.count == written.count && Set(named) == Set(written.keys))
    for row in rows {
      for kind in Document.code(in: row[0]) {
        let found = try #require(written[kind])
        #expect(Set(Document.code(in: row[1])) == found.types, "\(kind)")
        #expect(Set(Document.code(in: row[2])) == found.severities, "\(kind)")
      }
    }
  }

  /// Whether the event has what its class requires.
  private static func hasAll(_ event: Event) -> Bool {
    guard case .record(let record) = event else { return true }
    return record.process != nil && (record.kind != .trace || record.target != nil)
  }
}
