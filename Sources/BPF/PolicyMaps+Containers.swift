import CBPF
import CStockade
import Glibc
import System

/// Containers, and the processes that belong to them.
extension PolicyMaps {
  /// How often, and how far apart, it is tried again to mark a task for which there is no memory.
  private static let markAttempts = 5
  private static let markPauseMicroseconds: UInt32 = 20_000

  package func containers() throws(BPFError) -> [ContainerEntry] {
    try containersMap.elements(zero: (CgroupID(0), stockade_container())).map { ContainerEntry($0.value) }
  }

  package func container(_ cgroupID: CgroupID) throws(BPFError) -> ContainerEntry? {
    try containersMap.value(cgroupID, zero: stockade_container()).map { ContainerEntry($0) }
  }

  package func put(_ container: ContainerEntry) throws(BPFError) {
    let row = container.row(hasFileRules: try hasFileRules(container.revision))
    try returns.enter { () throws(BPFError) in
      try strays.add(container: container.cgroupID)
      try containersMap.set(container.cgroupID, row)
    }
  }

  /// True if the policy is not there: whoever judges by it finds that out.
  private func hasFileRules(_ revision: Revision?) throws(BPFError) -> Bool {
    guard let revision, let policy = try policies.value(revision, zero: stockade_policy()) else { return true }
    return policy.flags & STOCKADE_HAS_FILE.rawValue != 0
  }

  /// Removes a container and what depends on it. A missing container is success.
  package func removeContainer(_ cgroupID: CgroupID) throws(BPFError) {
    try containersMap.remove(cgroupID)
    try entrypoints.remove(cgroupID)
    try rate.remove(cgroupID)
    try recordings.stop(cgroupID)
    try volumes.remove(cgroupID)
    try strays.remove(container: cgroupID)
    try detachReturnsIfUnused()
  }

  /// Writes the mounts of a container before its entry, which says that it has them.
  package func setVolumes(_ cgroupID: CgroupID, _ found: [Volume]) throws(BPFError) {
    try returns.exclusively { () throws(BPFError) in try volumes.set(cgroupID, found) }
  }

  package func look(at file: FileDescriptor, rootDevice: UInt32) throws(BPFError) -> FileLook {
    try files.look(at: file, rootDevice: rootDevice)
  }

  package func removeVolumes(except cgroups: Set<CgroupID>) throws(BPFError) {
    for cgroupID in try volumes.cgroups() where !cgroups.contains(cgroupID) { try volumes.remove(cgroupID) }
  }

  package func setEntrypoint(_ cgroupID: CgroupID, _ entrypoint: ProcessIdentity) throws(BPFError) {
    try returns.exclusively { () throws(BPFError) in try entrypoints.set(cgroupID, entrypoint.value) }
  }

  /// Whether a process lives that left its container's cgroup.
  package func hasStrays() throws(BPFError) -> Bool { try strays.hasLiving() }

  /// Forgets strays that are over, whose end no program may have seen, and corrects how many strays each container has.
  /// Any thread may call it, whatever other threads do to containers meanwhile.
  package func sweepStrays() throws(BPFError) {
    try strays.sweep { (cgroupID, settle) throws(BPFError) in
      try returns.exclusively { () throws(BPFError) in try settle(try container(cgroupID) != nil) }
    }
    try sweepEntrypoints()
    try detachReturnsIfUnused()
  }

  func bindsContainers() throws(BPFError) -> Bool {
    if try !containersMap.isEmpty(zero: CgroupID(0)) { return true }
    if try !gates.isEmpty { return true }
    return try nodeGate.isClosed
  }

  /// If a process is over before its exec, nobody waits for that exec any more: the start ended before the container
  /// was open.
  private func sweepEntrypoints() throws(BPFError) {
    for (cgroupID, entrypoint) in try entrypoints.elements(zero: (CgroupID(0), stockade_process()))
    where ProcessStat.isOver(pid: entrypoint.tgid, startTicks: entrypoint.start_ticks) {
      try returns.exclusively { () throws(BPFError) in
        let present = try entrypoints.value(cgroupID, zero: stockade_process())
        if present.map(ProcessIdentity.init) == ProcessIdentity(entrypoint) { try entrypoints.remove(cgroupID) }
      }
    }
  }

  /// What has left a container that is gone is still bound. Containers are asked about first: without a container there
  /// are no new strays.
  func detachReturnsIfUnused() throws(BPFError) {
    try returns.detach { () throws(BPFError) in
      if try bindsContainers() { return false }
      return try !hasStrays()
    }
  }

  /// Marks tasks that already run in open containers. This is repeated until none is found, because a task may fork
  /// meanwhile.
  ///
  /// - Returns: the cgroup ids of containers that have a task for whose mark there was no memory.
  package func markRunningTasks() throws(BPFError) -> Set<CgroupID> {
    var attempts = 0
    while true {
      let found = try iterate("mark_running")
      if found.isEmpty { return [] }
      let unmarked = Set(found.filter { $0 != 0 }.map { CgroupID($0) })
      if unmarked.isEmpty { continue }
      attempts += 1
      if attempts == Self.markAttempts { return unmarked }
      usleep(Self.markPauseMicroseconds)
    }
  }

  /// Runs a program for each task of the node. Returns what it wrote.
  func iterate(_ name: String) throws(BPFError) -> [UInt64] {
    let program = try mark.program(name)
    let link = FileDescriptor(
      owning: try bpf("attach the task iterator") { bpf_link_create(program.number, 0, BPF_TRACE_ITER, nil) })
    let iterator = FileDescriptor(owning: try bpf("start the task iterator") { bpf_iter_create(link.number) })
    var bytes: [UInt8] = []
    do {
      while case let part = try iterator.read(atMost: 4096), !part.isEmpty { bytes += part }
    } catch { throw .system(error) }
    return bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
    }
  }
}
