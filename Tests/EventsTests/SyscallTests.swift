import BPF
import Events
import Policy
import Testing

/// Records of what a seccomp filter stopped.
@Suite struct SyscallTests {
  private static let place = Location(file: "web.yaml", line: 9)
  private static let subject = Subject(
    containerID: "c1", containerName: "app", podName: "web-1", podNamespace: "shop", podUID: "u1", image: "nginx:1")

  private func told(
    _ ruling: SyscallRuling?, _ effect: KernelEvent.Effect = .refused, reason: EventReason = .rule, result: Int64 = -1
  ) -> EventRecord? {
    let decoder = EventDecoder(
      tier: .lsm, subject: { _, _ in (Self.subject, Profile(name: "web", file: "web.yaml")) }, commandLine: { _ in [] },
      syscall: { _, _ in ruling }, bootOffsetNanoseconds: { 0 })
    var event = KernelEvent(
      cgroupID: CgroupID(7), kind: .syscall, effect: effect, reason: reason,
      process: .init(pid: 42, comm: Array("nginx".utf8)))
    event.syscall = .init(number: 83, architecture: 0xc000_003e, arguments: [255, 0, 0, 0, 0, 1 << 63], result: result)
    return decoder.record(of: event)
  }

  private func ruling(_ rule: EventRule?, error: String? = "EPERM") -> SyscallRuling {
    SyscallRuling(name: "mkdir", architecture: "x86_64", error: error, rule: rule)
  }

  @Test("a refused call has its number, arguments and errno, and the rule with its line")
  func refused() throws {
    let record = try #require(told(ruling(.seccomp(.syscalls(index: 2), Self.place))))
    let expected =
      #"{"time":"1970-01-01T00:00:00.000000000Z","kind":"syscall","action":"Block","effect":"refused","#
      + #""reason":"rule","container":{"id":"c1","name":"app"},"pod":{"namespace":"shop","name":"web-1","uid":"u1"},"#
      + #""image":"nginx:1","cgroupId":7,"profile":"web","rule":"seccomp.syscalls[2] (web.yaml:9)","tier":"none","#
      + #""process":{"pid":42,"parentPid":0,"uid":0,"comm":"nginx","arguments":[],"argumentsSource":"proc"},"#
      + #""syscall":{"name":"mkdir","number":83,"architecture":"x86_64","#
      + #""arguments":["0xff","0x0","0x0","0x0","0x0","0x8000000000000000"],"error":"EPERM"}}"#
    #expect(record.json.text == expected)
    #expect(
      record.summary == "refused syscall mkdir (x86_64) ([nginx]): rule seccomp.syscalls[2] (web.yaml:9) of profile web"
    )
  }

  @Test("what the filter lets pass is no record")
  func passed() { #expect(told(nil) == nil) }

  @Test(
    "the reason is the default where the default decided, and the rule says where it stands",
    arguments: [
      (EventRule.seccomp(.defaultAction, place), EventReason.defaultAction, "seccomp.defaultAction (web.yaml:9)"),
      (.seccomp(.architectures, place), .rule, "seccomp.architectures (web.yaml:9)"),
      (.seccomp(.syscalls(index: nil), place), .rule, "seccomp.syscalls (web.yaml:9)"),
      (.kernelSockets, .rule, "kernel.sockets"),
    ])
  func reasons(rule: EventRule, reason: EventReason, text: String) throws {
    let record = try #require(told(ruling(rule)))
    #expect(record.reason == reason && record.rule?.text == text)
  }

  @Test("a call that killed its process, or was only logged, did not fail")
  func others() throws {
    let rule = EventRule.seccomp(.syscalls(index: 0), Self.place)
    let killed = try #require(told(ruling(rule), .killed))
    #expect(killed.effect == .killed && killed.syscall?.error == nil)
    var logged = ruling(rule)
    logged.isAudited = true
    // The call failed by itself.
    let audited = try #require(told(logged))
    #expect(audited.effect == .audited && audited.syscall?.error == nil)
    // An errno of 0 looks like success.
    #expect(try #require(told(ruling(rule, error: nil), .audited, result: 0)).effect == .refused)
  }

  @Test("under a filter that is not known there is no rule")
  func unknown() throws {
    let record = try #require(told(ruling(nil), reason: .unknownFilter))
    #expect(record.rule == nil && record.reason == .unknownFilter && record.syscall?.name == "mkdir")
  }
}
