import BPF
import Events
import Testing

/// What is told of somebody who acted on the gates.
@Suite struct GateRecordTests {
  private static func record(
    _ act: NodeGate.Act, until: Int64 = 0, user: UInt32? = nil, pod: String = "", lost: UInt64 = 0
  ) -> GateRecord {
    GateRecord(
      NodeGate.Record(
        timeNanoseconds: 1, act: act, untilNanoseconds: until, user: user, pod: pod, reason: "a \"why\"\n"),
      lost: lost)
  }

  private static let start = #"{"time":"1970-01-01T00:00:00.000000001Z","kind":"nodeGate","act":"#
  private static let why = #","reason":"a \"why\"\n""#

  @Test(
    "a record has what applies to its act, and who did it where somebody had logged in",
    arguments: [
      (record(.closed), #""closed""# + why + "}"),
      (record(.opened, user: 0), #""opened""# + why + #","user":0}"#),
      (
        record(.openedFor, until: 60_000_000_000, user: 1000),
        #""openedFor""# + why + #","until":"1970-01-01T00:01:00.000000000Z","user":1000}"#
      ),
      (
        record(.freed, pod: "/kubepods/pod1", lost: 6),
        #""freed""# + why + #","podCgroup":"/kubepods/pod1","lostBefore":6}"#
      ),
      (record(.unknown(77)), #""unknown(77)""# + why + "}"),
    ])
  func json(record: GateRecord, text: String) { #expect(record.json.text == Self.start + text) }

  @Test(
    "its line for people says what was done and why",
    arguments: [
      (record(.closed), "the node gate was closed: "),
      (record(.opened), "the node gate was opened: "),
      (
        record(.openedFor, until: 60_000_000_000),
        "all gates of the node were opened until 1970-01-01T00:01:00.000000000Z: "
      ),
      (record(.freed, pod: "/kubepods/pod1"), "the gate of the pod in cgroup /kubepods/pod1 was opened: "),
    ])
  func summary(record: GateRecord, text: String) { #expect(record.summary == text + "a \"why\"\n") }
}
