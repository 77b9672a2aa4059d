import BPF
import Daemon
import Policy
import System
import Testing

@testable import Doctor

/// What a thorough examination says of what its crowds were let do.
@Suite struct TrialTests {
  private static let held = RaceCounts(opens: 9, opened: 0, executions: 9, executed: 0)
  private static let opening = RaceCounts(opens: 9, opened: 9, executions: 9, executed: 0)

  private func findings(
    _ race: RaceCounts = held, skipped: [ProgramRuns] = [], crowd: Result<RaceCounts, Errno> = .success(held),
    tier: Tier = .lsm
  ) -> [String] {
    KernelExamination.findings(of: NodeProbe.Trials(race: race, skipped: skipped, crowd: crowd), tier: tier)
      .map { "\($0.level) \($0.found)" }
  }

  @Test("a tier that holds is ok, with its numbers")
  func holds() {
    #expect(
      findings() == [
        "ok 0 of 9 execs and 0 of 9 opens came through in 10 s; no program was skipped",
        "ok 0 of 9 execs and 0 of 9 opens came through of 2000 processes at once, with no memory left for Stockade; "
          + "0 forks were refused",
      ])
  }

  @Test("at tier signal files may be opened, and are not counted")
  func signal() {
    #expect(findings(Self.opening, tier: .signal)[0] == "ok 0 of 9 execs came through in 10 s; no program was skipped")
    #expect(findings(Self.opening, tier: .fmodRet)[0].hasPrefix("missing 0 of 9 execs and 9 of 9 opens"))
  }

  @Test("one exec that came through, one program that was skipped, and one fork that was refused are each too many")
  func lets() {
    let executed = RaceCounts(opens: 9, opened: 0, executions: 9, executed: 1)
    #expect(findings(executed)[0].hasPrefix("missing 1 of 9 execs"))
    #expect(
      findings(skipped: [ProgramRuns(program: "exec_check", runs: 0, skipped: 3)])[0]
        == "missing 0 of 9 execs and 0 of 9 opens came through in 10 s; the kernel skipped exec_check 3 times")
    let refused = RaceCounts(opens: 9, opened: 0, executions: 9, executed: 0, forksRefused: 1)
    #expect(findings(crowd: .success(refused))[1].hasPrefix("missing "))
    #expect(findings(crowd: .success(refused))[1].hasSuffix("; 1 forks were refused"))
  }

  @Test("what was not tried is not ok")
  func untried() {
    let none = RaceCounts(opens: 0, opened: 0, executions: 0, executed: 0)
    #expect(findings(none)[0] == "unknown nothing could be executed in 10 s; no program was skipped")
    #expect(
      findings(crowd: .failure(Errno(95, "limit this process's memory")))[1]
        == "limited not tried: cannot limit this process's memory: operation not supported")
  }
}
