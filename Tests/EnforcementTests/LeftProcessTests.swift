import CStockade
import EnforcementTesting
import Glibc
import Policy
import System
import Testing

@testable import Enforcement

/// What hooks of the runtime leave in a container's cgroup before its start.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: processes must be put in a cgroup"))
struct LeftProcessTests {
  @Test("a process that a hook left is named, and the start refused", arguments: [nil, "below"])
  func left(below folder: String?) throws {
    let world = try EnforcerWorld()
    let other = try world.join(below: folder)
    let error = #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(world.start(), profile: filelessProfile(), expectsFilter: false)
    }
    #expect(error.map { "\($0)".contains("by a hook of the runtime: process \(other) (sleep), which") } == true)
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
  }

  @Test("once it has ended the container starts")
  func ended() throws {
    let world = try EnforcerWorld()
    _ = try world.join()
    _ = try world.join(below: "below")
    world.othersEnd()
    #expect(try world.enforcer.activate(world.start(), profile: filelessProfile(), expectsFilter: false).isEmpty)
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
  }

  @Test("one that ends a moment later keeps no container from its start, and neither does one that nobody has reaped")
  func ending() throws {
    let world = try EnforcerWorld()
    let other = try world.join()
    kill(pid_t(other), SIGKILL)
    #expect(try world.enforcer.activate(world.start(), profile: filelessProfile(), expectsFilter: false).isEmpty)
  }

  @Test("with failurePolicy Ignore everything is put in force, and the process is told of")
  func ignored() throws {
    let world = try EnforcerWorld()
    let other = try world.join()
    let gaps = try world.enforcer.activate(
      world.start(), profile: filelessProfile(failure: .ignore), expectsFilter: false)
    #expect(gaps.map(\.subject) == ["process, file and kernel for what hooks left"])
    #expect(gaps.allSatisfy { $0.why.contains("\(other) (sleep)") })
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
  }

  @Test("a profile that says nothing of processes is not concerned, and one of mode Audit is only told")
  func unconcerned() throws {
    let world = try EnforcerWorld()
    _ = try world.join()
    var network = filelessProfile()
    network.process = nil
    #expect(try world.enforcer.activate(world.start(), profile: network, expectsFilter: false).isEmpty)
    var audit = filelessProfile()
    audit.mode = .audit
    #expect(try world.enforcer.activate(world.start(), profile: audit, expectsFilter: false).count == 1)
  }

  @Test("a message names five of many")
  func many() {
    let left = LeftProcesses(processes: (1...8).map { .init(pid: $0, name: $0 == 1 ? "" : "sh") })
    #expect("\(left)" == "1, 2 (sh), 3 (sh), 4 (sh), 5 (sh) and 3 more")
    #expect("\(LeftProcesses(processes: [.init(pid: 7, name: "sh")]))" == "7 (sh)")
  }
}
