import BPF
import CStockade
import Events
import Testing

/// What is told of somebody who acted on the gates.
@Suite struct GateRecordTests {
  private static func record(
    _ act: stockade_gate_act, until: Int64 = 0, user: UInt32? = nil, pod: String = "", lost: UInt64 = 0
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
      (record(STOCKADE_ACT_CLOSED), #""closed""# + why + "}"),
      (record(STOCKADE_ACT_OPENED, user: 0), #""opened""# + why + #","user":0}"#),
      (
        record(STOCKADE_ACT_OPENED_FOR, until: 60_000_000_000, user: 1000),
        #""openedFor""# + why + #","until":"1970-01-01T00:01:00.000000000Z","user":1000}"#
      ),
      (
        record(STOCKADE_ACT_FREED, pod: "/kubepods/pod1", lost: 6),
        #""freed""# + why + #","podCgroup":"/kubepods/pod1","lostBefore":6}"#
      ),
      (record(stockade_gate_act(77)), #""unknown(77)""# + why + "}"),
    ])
  func json(record: GateRecord, text: String) { #expect(record.json.text == Self.start + text) }

  @Test(
    "its line for people says what was done and why",
    arguments: [
      (record(STOCKADE_ACT_CLOSED), "the node gate was closed: "),
      (record(STOCKADE_ACT_OPENED), "the node gate was opened: "),
      (
        record(STOCKADE_ACT_OPENED_FOR, until: 60_000_000_000),
        "all gates of the node were opened until 1970-01-01T00:01:00.000000000Z: "
      ),
      (record(STOCKADE_ACT_FREED, pod: "/kubepods/pod1"), "the gate of the pod in cgroup /kubepods/pod1 was opened: "),
    ])
  func summary(record: GateRecord, text: String) { #expect(record.summary == text + "a \"why\"\n") }
}
