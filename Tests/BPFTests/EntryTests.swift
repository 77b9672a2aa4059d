import CStockade
import Testing

@testable import BPF

/// Entries of the kernel's maps, encoded and decoded.
struct EntryTests {
  @Test(
    "a container's entry is read as it was written, with its check",
    arguments: [.closed, .open, .gate] as [ContainerEntry.State])
  func container(state: ContainerEntry.State) {
    for revision in [nil, Revision(.max)] {
      for ranBefore in [false, true] {
        let entry = ContainerEntry(
          cgroupID: CgroupID(7), revision: revision, state: state, rootDevice: 9, ranBefore: ranBefore,
          hasVolumes: !ranBefore, audit: ranBefore ? AuditDeadline(seconds: AuditDeadline.secondsMax) : nil)
        for hasFileRules in [false, true] {
          var row = entry.row(hasFileRules: hasFileRules)
          #expect(ContainerEntry(row) == entry && row.check == stockade_container_check(&row))
          #expect((row.flags & STOCKADE_HAS_NO_FILE_RULES.rawValue == 0) == hasFileRules)
        }
      }
    }
  }

  @Test("a state that this version does not know is closed")
  func unknownState() {
    var row = ContainerEntry(cgroupID: CgroupID(7), revision: nil, state: .open).row(hasFileRules: true)
    row.state = 99
    #expect(ContainerEntry(row).state == .closed)
    #expect(GateState(0) == .closed && GateState(99) == .closed)
  }

  @Test("a gate's state is read as it was written, with its check", arguments: GateState.allCases)
  func gate(state: GateState) {
    var row = state.row(of: CgroupID(7))
    #expect(GateState(row.state) == state && row.cgroup_id == 7 && row.check == stockade_gate_check(&row))
  }

  @Test(
    "a sandbox's entry is read as it was written",
    arguments: [.awaited, .noProcess, .unknown, .cgroup(CgroupID(7))] as [SandboxEntry.FirstChild])
  func sandbox(firstChild: SandboxEntry.FirstChild) {
    for shim in [nil, ProcessIdentity(pid: 4, startTicks: 5)] {
      for bound in [nil, CgroupID(6)] {
        let entry = SandboxEntry(firstChild: firstChild, bound: bound, shim: shim, refused: 3)
        #expect(SandboxEntry(entry.value) == entry)
      }
    }
    #expect(SandboxEntry(stockade_sandbox()) == SandboxEntry(firstChild: .awaited))
  }

  @Test("a process's padding is zero")
  func process() {
    let value = ProcessIdentity(pid: 4, startTicks: 5).value
    #expect(value.pad == 0 && ProcessIdentity(value) == ProcessIdentity(pid: 4, startTicks: 5))
  }
}
