import BPF
import CStockade
import Compilation
import Enforcement
import Glibc
import Policy
import System
import Testing

/// How many seconds the audits of these tests last.
private let seconds: UInt32 = 2

private func soon() -> AuditDeadline { AuditDeadline(after: seconds, from: AuditDeadline.nowNanoseconds)! }

/// The clock alone ends the audit.
private func wait(until deadline: AuditDeadline) {
  while !deadline.isOver(at: AuditDeadline.nowNanoseconds) { usleep(10_000) }
}

/// A temporary audit as the kernel's programs have it, which ends although nobody writes anything.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct AuditTimeTests {
  @Test("what is blocked runs until the deadline, is told as audited, and is killed after it")
  func exec() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(
      .section(
        .allow, .path(program, .block), fileless: .block))
    #expect(world.start(program) == "killed")
    let deadline = soon()
    try world.enter(audit: deadline)
    #expect(world.start(program) == "ran")
    #expect(world.run("run_memory('\(program)')") == "ran")
    #expect(!deadline.isOver(at: AuditDeadline.nowNanoseconds))
    wait(until: deadline)
    #expect(world.start(program) == "killed")
    #expect(world.events.map(\.effect) == [.killed, .audited, .audited, .killed])
    #expect(world.events.map(\.reason) == [.rule, .rule, .fileless, .rule])
    #expect(world.events.map(\.isSoftened) == [false, true, true, false])
  }

  @Test("an argument rule's Block, of a program and of a script, is audited until the deadline")
  func arguments() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    let rule = ArgumentRule(kind: .equals, text: "evil", index: nil, action: .block)
    try world.apply(.section(.allow, .path(program, .allow, rule)))
    let deadline = soon()
    try world.enter(audit: deadline)
    #expect(world.start(program, "evil") == "ran")
    wait(until: deadline)
    #expect(world.start(program, "evil") == "killed")
    #expect(world.events.map(\.effect) == [.audited, .killed])
    #expect(world.events.allSatisfy { $0.reason == .argument })
  }

  @Test("a closed container stays closed, and what the profile only audits is no softened Block")
  func unchanged() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.allow, .path(program, .audit)))
    let deadline = AuditDeadline(seconds: AuditDeadline.secondsMax)
    try world.enter(audit: deadline)
    #expect(world.start(program) == "ran")
    #expect(world.events.map(\.isSoftened) == [false])
    try world.enter(state: .closed, audit: deadline)
    #expect(world.start(program) == "killed")
    #expect(world.events.last?.reason == .notOpen)
  }

  @Test("an exec whose policy is gone is killed, audit or not")
  func policyGone() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.enter(revision: world.bench.nextRevision(), audit: AuditDeadline(seconds: AuditDeadline.secondsMax))
    #expect(world.start(program) == "killed")
  }
}

/// The same for packets and calls. What is remembered of a connection or flow must not outlive the audit.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkAuditTests {
  @Test("a connection goes through until the deadline, and neither it nor a new one after it")
  func connection() throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    try world.apply(egress: .section(.block))
    #expect(world.inside.run("connect(('10.9.0.2', 80))") == "EPERM")
    let deadline = soon()
    try world.enter(world.revision, audit: deadline)
    #expect(world.inside.run("c = connect(('10.9.0.2', 80)); c.send(b'early')") == "ok")
    #expect(world.outside.run("s = l.accept()[0]; s.recv(9)") == "ok")
    let audited = world.events.dropFirst()
    let isSoftened = { (event: stockade_event) in
      event.effect == STOCKADE_AUDITED.rawValue && UInt32(event.notes) == STOCKADE_SOFTENED.rawValue
    }
    #expect(audited.allSatisfy(isSoftened) && !audited.isEmpty)
    wait(until: deadline)
    #expect(world.inside.run("c.send(b'late')") == "4")
    #expect(world.outside.run("s.recv(9)") == "timeout")
    #expect(world.inside.run("connect(('10.9.0.2', 80))") == "EPERM")
    #expect(world.events.last.map { $0.effect == STOCKADE_REFUSED.rawValue && $0.notes == 0 } == true)
  }

  @Test("a connection that was dropped before the audit is judged anew in it")
  func droppedBefore() throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    world.inside.run("c = connect(('10.9.0.2', 80))")
    world.outside.run("s = l.accept()[0]")
    try world.apply(egress: .section(.block))
    #expect(world.inside.run("c.send(b'news')") == "4")
    #expect(world.outside.run("s.recv(9)") == "timeout")
    try world.enter(world.revision, audit: AuditDeadline(seconds: AuditDeadline.secondsMax))
    // TCP sends the same bytes again.
    var heard = "timeout"
    for _ in 0..<20 where heard == "timeout" { heard = world.outside.run("s.recv(9)") }
    #expect(heard == "b'news'")
  }

  @Test("a flow that an audit let begin ends with it, in both directions")
  func flow() throws {
    let world = try NetworkWorld()
    world.outside.run("s = udp(('10.9.0.2', 53))")
    world.inside.run("c = udp(('10.9.0.1', 2000))")
    try world.apply(egress: .section(.block), ingress: .section(.block))
    #expect(world.inside.run("c.sendto(b'ask', ('10.9.0.2', 53))") == "EPERM")
    let deadline = soon()
    try world.enter(world.revision, audit: deadline)
    #expect(world.inside.run("c.sendto(b'ask', ('10.9.0.2', 53))") == "3")
    #expect(world.outside.run("s.recvfrom(9); s.sendto(b'answer', ('10.9.0.1', 2000))") == "ok")
    #expect(world.inside.run("c.recv(9)") == "b'answer'")
    wait(until: deadline)
    #expect(world.outside.run("s.sendto(b'late', ('10.9.0.1', 2000))") == "4")
    #expect(world.inside.run("c.recv(9)") == "timeout")
    #expect(world.inside.run("c.sendto(b'ask', ('10.9.0.2', 53))") == "EPERM")
  }

  @Test("bind() of a blocked port is audited until the deadline")
  func bind() throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block))
    #expect(world.inside.run("udp(('10.9.0.1', 2000))") == "EPERM")
    try world.enter(world.revision, audit: AuditDeadline(seconds: AuditDeadline.secondsMax))
    #expect(world.inside.run("udp(('10.9.0.1', 2000))") == "ok")
    try world.enter(world.revision, audit: AuditDeadline(seconds: 1))
    #expect(world.inside.run("udp(('10.9.0.1', 2001))") == "EPERM")
  }
}
