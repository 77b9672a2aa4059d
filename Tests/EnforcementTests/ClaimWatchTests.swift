import BPF
import Enforcement
import Policy
import Testing

@Suite struct ClaimWatchTests {
  private func runs(_ counts: [String: UInt64]) -> [ProgramRuns] {
    counts.sorted { $0.key < $1.key }.map { ProgramRuns(program: $0.key, runs: 0, skipped: $0.value) }
  }

  @Test("a program that was skipped takes the tier down, once for each time that the kernel counted more")
  func skipped() {
    var watch = ClaimWatch(claim: TierClaim(tier: .lsm), needsCooperation: false)
    #expect(watch.check(runs(["exec_check": 0, "mark_alloc": 0]), .cooperative) == nil)
    #expect(watch.claim == TierClaim(tier: .lsm))
    let text = "the kernel skipped the program exec_check once"
    #expect(watch.check(runs(["exec_check": 1, "mark_alloc": 0]), .cooperative) == text)
    #expect(watch.claim == TierClaim(tier: .signal, reason: text, execProblem: text))
    #expect(watch.check(runs(["exec_check": 1, "mark_alloc": 0]), .cooperative) == nil)
    #expect(watch.claim.tier == .signal, "and it stays so")
    #expect(
      watch.check(runs(["exec_check": 4, "mark_alloc": 2]), .cooperative)
        == "the kernel skipped the program exec_check 3 times; the kernel skipped the program mark_alloc 2 times")
  }

  @Test("a kernel that begins to interrupt itself takes a tier down that depends on its not doing that")
  func preemption() {
    var watch = ClaimWatch(claim: TierClaim(tier: .fmodRet), needsCooperation: true)
    #expect(watch.check([], .cooperative) == nil)
    #expect(watch.check([], .possible("preempt=full")) == nil, "one reading can fail")
    #expect(
      watch.check([], .possible("preempt=full"))
        == "the kernel can interrupt its own code now (preempt=full), and then skips programs")
    #expect(watch.claim.tier == .signal)
    #expect(watch.check([], .possible("preempt=full")) == nil, "it is told once")
    var another = ClaimWatch(claim: TierClaim(tier: .lsm), needsCooperation: false)
    #expect(another.check([], .possible("preempt=full")) == nil)
    #expect(another.claim.tier == .lsm)
  }

  @Test(
    "programs at tracepoints can be skipped where the kernel interrupts them, or where that cannot be found out",
    arguments: [
      (Preemption.cooperative, true, nil), (.possible("preempt=lazy"), false, nil),
      (.possible("preempt=lazy"), true, "this kernel interrupts programs at tracepoints (preempt=lazy)"),
      (
        .possible("preempt=lazy"), nil,
        "whether this kernel interrupts programs at tracepoints could not be found out (preempt=lazy)"
      ),
    ] as [(Preemption, Bool?, String?)])
  func tracepoints(preemption: Preemption, isInterrupted: Bool?, problem: String?) {
    #expect(preemption.tracepointProblem { isInterrupted } == problem)
  }
}
