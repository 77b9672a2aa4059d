import Events
import Policy
import Testing

/// What is told of temporary audits.
@Suite struct AuditRecordTests {
  private static func subject(_ id: String) -> Subject {
    Subject(containerID: id, containerName: "app", podName: "p", podNamespace: "n", podUID: "u", image: "i")
  }

  private static func record(_ act: AuditRecord.Act, _ change: (inout AuditRecord) -> Void = { _ in }) -> AuditRecord {
    var record = AuditRecord(timeNanoseconds: 1, act: act, scope: .profile("web"))
    change(&record)
    return record
  }

  private static let start = #"{"time":"1970-01-01T00:00:00.000000001Z","kind":"audit","act":"#

  @Test("a record has what applies to its act")
  func json() {
    let began = Self.record(.began) {
      ($0.seconds, $0.untilNanoseconds, $0.reason) = (60, 60_000_000_000, "a \"why\"")
      $0.containers = [Self.subject("c")]
      $0.caller = AuditCaller(uid: 0, pid: 7, loginUID: 1000)
    }
    #expect(
      began.json.text == Self.start
        + #""began","scope":{"profile":"web"},"seconds":60,"until":"1970-01-01T00:01:00.000000000Z","#
        + #""reason":"a \"why\"","containers":[{"container":{"id":"c","name":"app"},"#
        + #""pod":{"namespace":"n","name":"p","uid":"u"},"image":"i"}],"caller":{"uid":0,"pid":7,"loginUid":1000}}"#)
    let refused = Self.record(.refused) {
      $0.problem = "no"
      $0.caller = AuditCaller(uid: 0, pid: 7, loginUID: nil)
    }
    #expect(
      refused.json.text == Self.start
        + #""refused","scope":{"profile":"web"},"problem":"no","caller":{"uid":0,"pid":7}}"#)
    #expect(Self.record(.ended).json.text == Self.start + #""ended","scope":{"profile":"web"},"containers":[]}"#)
  }

  @Test(
    "the scope is told as it was asked for",
    arguments: [
      (.container("c"), #"{"container":"c"}"#), (.pod(namespace: "n", name: "p"), #"{"namespace":"n","pod":"p"}"#),
      (.podUID("u"), #"{"podUid":"u"}"#), (.profile("web"), #"{"profile":"web"}"#),
    ] as [(AuditScope, String)])
  func scope(scope: AuditScope, text: String) {
    #expect(Self.record(.ended) { $0.scope = scope }.json.text.contains(#""scope":\#(text),"#))
  }

  @Test("a record names 32 containers and counts those beyond", arguments: [32, 33])
  func bound(count: Int) {
    let text = Self.record(.began) { $0.containers = (0..<count).map { Self.subject("c\($0)") } }.json.text
    #expect(text.ranges(of: #""image""#).count == 32)
    #expect(text.contains(#""moreContainers":1"#) == (count == 33))
  }

  @Test("its line for people says what happened, and no name steers a terminal")
  func summary() {
    let began = Self.record(.began) {
      ($0.reason, $0.untilNanoseconds, $0.containers) = ("why", 60_000_000_000, [Self.subject("c")])
    }
    #expect(
      began.summary
        == "a temporary audit of profile web began, in 1 container until 1970-01-01T00:01:00.000000000Z: why")
    #expect(Self.record(.ended).summary == "the temporary audit of profile web ended, in 0 containers")
    let early = Self.record(.ended) { $0.caller = AuditCaller(uid: 0, pid: 1, loginUID: nil) }
    #expect(early.summary.contains("before its deadline"))
    let refused = Self.record(.refused) { ($0.scope, $0.problem) = (.container("a\u{1b}[2J"), "no") }
    #expect(refused.summary == #"a temporary audit of container a\u001b[2J was refused: no"#)
  }
}
