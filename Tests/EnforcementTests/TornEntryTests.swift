import BPF
import CBPF
import CStockade
import Compilation
import Policy
import System
import Testing

/// An entry that is half of an older and half of a newer value.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct TornEntryTests {
  private static let hasEntry: UInt32 = 0x100, hasPolicy: UInt32 = 0x200, hasAudit: UInt32 = 0x400

  @Test(
    "a temporary audit is in force in an open container, before its deadline",
    arguments: [(true, 60, true), (false, 60, false), (true, -1, false), (false, -1, false)])
  func audit(_ isOpen: Bool, _ secondsAway: Int, _ isInForce: Bool) throws {
    let bench = try ExecBench.shared()
    let until = UInt64(Int(AuditDeadline.nowNanoseconds / 1_000_000_000) + secondsAway)
    let found = try read(
      bench, id: .max - 2, revision: bench.nextRevision(), isOpen ? STOCKADE_OPEN : STOCKADE_CLOSED,
      flags: UInt32(until) << STOCKADE_AUDIT_SHIFT.rawValue)
    #expect((found & Self.hasAudit != 0) == isInForce)
  }

  @Test("a whole entry leads to its policy, a torn one is closed and leads to none", arguments: [true, false])
  func entry(_ isWhole: Bool) throws {
    let bench = try ExecBench.shared()
    let revision = bench.nextRevision()
    try bench.policy.install(PolicyCompiler.compile(Profile(name: "test", file: "test.yaml")), revision: revision)
    defer { try? bench.policy.removePolicy(revision) }
    let found = try read(bench, id: .max - 1, revision: revision, STOCKADE_OPEN, error: isWhole ? 0 : 1)
    let expected = isWhole ? STOCKADE_OPEN.rawValue | Self.hasPolicy : STOCKADE_CLOSED.rawValue
    #expect(found == Self.hasEntry | expected)
  }

  /// What the programs find in an entry.
  ///
  /// - Parameter error: how far its check is off.
  private func read(
    _ bench: ExecBench, id: UInt64, revision: Revision, _ state: stockade_container_state, flags: UInt32 = 0,
    error: UInt32 = 0
  ) throws -> UInt32 {
    var id = id
    var entry = stockade_container(
      cgroup_id: id, revision: revision.number, state: state.rawValue, root_device: 0, check: 0, flags: flags)
    entry.check = stockade_container_check(&entry) &+ error
    let map = try bench.policy.shared.descriptor("containers")!.number
    try call("write an entry") { bpf_map_update_elem(map, &id, &entry, UInt64(BPF_ANY)) }
    defer { bpf_map_delete_elem(map, &id) }

    let object = try TestObject.load(
      TestObject.compiled("container_entry"), sharing: ["containers", "policies", "counters"]
    ) { try bench.policy.shared.descriptor($0)!.number }
    defer { bpf_object__close(object) }
    let program = bpf_program__fd(bpf_object__find_program_by_name(object, "container_entry"))
    return try TestObject.run(program, [id])
  }
}
