import CBPF
import CStockade
import Glibc
import System

/// The processes for which containers answer although neither a cgroup nor a mark tells so, and how many of them each
/// container has.
struct StrayTable: Sendable {
  private let strays: MapAccess<UInt32, stockade_stray>
  private let counts: MapAccess<CgroupID, UInt32>
  private static let nanosecondsPerTick: UInt64 = 10_000_000

  init(strays: FileDescriptor, counts: FileDescriptor) {
    self.strays = MapAccess(name: "strays", descriptor: strays)
    self.counts = MapAccess(name: "stray_counts", descriptor: counts)
  }

  /// Called before anything of the container may run.
  func add(container cgroupID: CgroupID) throws(BPFError) { try counts.add(cgroupID, 0) }

  /// Gives the containers of an earlier layout their shares. This must come before this version's programs count in the
  /// shares: they end the strays of a container that has no share.
  ///
  /// - Parameter former: the table of before. Its values are cgroup ids, also those of containers that are gone.
  func addShares(containers: [CgroupID], former: FileDescriptor?) throws(BPFError) {
    for cgroupID in containers { try add(container: cgroupID) }
    guard let former else { return }
    let known = MapAccess<UInt32, CgroupID>(name: "strays of before", descriptor: former)
    for stray in try known.elements(zero: (0, CgroupID(0))) { try add(container: stray.value) }
  }

  /// What a container that is gone has left is still counted.
  func remove(container cgroupID: CgroupID) throws(BPFError) {
    if try counts.value(cgroupID, zero: 0) == 0 { try counts.remove(cgroupID) }
  }

  /// How many containers have a share, used or not.
  func countShares() throws(BPFError) -> Int { try counts.count(zero: (CgroupID(0), 0)) }

  func count() throws(BPFError) -> Int { try strays.count(zero: (0, stockade_stray())) }

  /// Whether one of the strays lives.
  func hasLiving() throws(BPFError) -> Bool { try elements().contains(where: isAlive) }

  /// Forgets the strays that are over, and corrects the counts. If a program was skipped at a process's end, it did
  /// neither.
  ///
  /// - Parameter settled: calls the function that it is given, with whether that container exists, and makes sure that
  ///   this does not change meanwhile.
  func sweep(
    settled: (_ cgroupID: CgroupID, _ settle: (Bool) throws(BPFError) -> Void) throws(BPFError) -> Void
  ) throws(BPFError) {
    var used: [CgroupID: UInt32] = [:]
    for element in try elements() {
      if isAlive(element) { used[CgroupID(element.value.cgroup_id), default: 0] += 1 } else { try forget(element) }
    }
    for (cgroupID, count) in try counts.elements(zero: (CgroupID(0), 0)) {
      let here = used[cgroupID] ?? 0
      try settled(cgroupID) { (isContainer) throws(BPFError) in
        if here == 0, !isContainer {
          try counts.remove(cgroupID)
        } else if count != here {
          try counts.set(cgroupID, here)
        }
      }
    }
  }

  private typealias Element = (key: UInt32, value: stockade_stray)

  private func elements() throws(BPFError) -> [Element] { try strays.elements(zero: (0, stockade_stray())) }

  private func isAlive(_ element: Element) -> Bool {
    !ProcessStat.isOver(pid: element.key, startTicks: element.value.start_ns / Self.nanosecondsPerTick)
  }

  /// The number may have been given to another process just now, and that process is a stray too. Its entry is put
  /// back.
  private func forget(_ element: Element) throws(BPFError) {
    guard let removed = try strays.take(element.key, zero: stockade_stray()) else { return }
    if removed.start_ns != element.value.start_ns { try strays.add(element.key, removed) }
  }
}
