import BPF
import CStockade
import Policy
import Synchronization
import System

/// The kernel by way of BPF: the best tier that can be proved, and the network programs.
package final class BPFKernel: PolicyKernel {
  package let tier: Tier
  /// Why the tier is no better; empty where nothing better exists.
  package let tierReason: String
  /// nil: network rules can be attached; else why not.
  package let networkProblem: String?
  /// nil: what belongs to this process is kept from containers as far as the tier can; else why not.
  package let protectionProblem: String?
  private let policy: KernelPolicy
  /// The cgroup of the self-tests.
  private let probe: UInt64
  private let network: (programs: NetworkPrograms, tables: NetworkTables)?

  /// Loads, attaches and pins everything and proves the tier.
  ///
  /// - Throws: `BPFError` where tasks cannot be followed or no tier can be had. Nothing of it is left then, unless an
  ///   earlier process's containers are still bound.
  package init(
    pinFolder: String, runtimeMountNamespace: UInt64, hierarchy: CgroupHierarchy
  ) throws(BPFError) {
    guard let root = hierarchy.root else { throw .unavailable(CgroupHierarchy.noneText) }
    policy = try KernelPolicy(
      pinFolder: pinFolder, runtimeMountNamespace: UInt32(truncatingIfNeeded: runtimeMountNamespace),
      cgroupV1: hierarchy.layout == .v1)
    let choice: TierChoice
    do throws(BPFError) { choice = try TierChoice(policy, cgroupRoot: root) } catch {
      if let left = try? policy.containers(), left.isEmpty, policy.becomeOnlyUser() { try? policy.unpinAll() }
      throw error
    }
    (tier, tierReason, probe) = (choice.tier, choice.reason, choice.probe)
    let network: (NetworkPrograms, NetworkTables)?
    (network, networkProblem) = Self.network(policy, pinFolder, hierarchy)
    self.network = network
    // Last, since it names everything that was loaded.
    protectionProblem = Self.protect(policy.shared, pinFolder)
    BPFObject.freeLoadMemory()
  }

  private static func network(
    _ policy: KernelPolicy, _ pinFolder: String, _ hierarchy: CgroupHierarchy
  ) -> (programs: (NetworkPrograms, NetworkTables)?, problem: String?) {
    guard hierarchy.layout != .v1, let root = hierarchy.root else {
      return (nil, CgroupHierarchy.noV2Text)
    }
    do throws(BPFError) {
      let programs = try NetworkPrograms(shared: policy.shared, pinFolder: pinFolder, rootCgroupPath: root)
      _ = try programs.adopt()
      return ((programs, try NetworkTables(shared: policy.shared)), nil)
    } catch { return (nil, "\(error)") }
  }

  /// What a confined container could undo its confinement with.
  private static func protect(_ shared: SharedMaps, _ pinFolder: String) -> String? {
    let folders: [String: SelfProtection.Protection] = [
      pinFolder: .hidden, "/etc/stockade": .kept, "/etc/nri": .kept, "/opt/nri/plugins": .kept,
    ]
    do throws(BPFError) {
      try SelfProtection(shared: shared)?.start(folders: folders)
      return nil
    } catch { return "\(error)" }
  }

  /// The reader of the kernel's events; one in a process.
  package func eventReader() throws(BPFError) -> EventReader { try EventReader(shared: policy.shared, ignored: probe) }

  package func counters() throws(BPFError) -> [UInt64] { try policy.counters() }

  package func containers() throws(KernelError) -> [stockade_container] {
    try kernel { () throws(BPFError) in try policy.containers() }
  }

  package func container(_ cgroupID: UInt64) throws(KernelError) -> stockade_container? {
    try kernel { () throws(BPFError) in try policy.container(cgroupID) }
  }

  package func put(_ container: stockade_container) throws(KernelError) {
    try kernel { () throws(BPFError) in try policy.put(container) }
  }

  package func remove(_ cgroupID: UInt64) throws(KernelError) {
    try kernel { () throws(BPFError) in try policy.removeContainer(cgroupID) }
  }

  package func setEntrypoint(_ cgroupID: UInt64, _ entrypoint: stockade_entrypoint) throws(KernelError) {
    try kernel { () throws(BPFError) in try policy.setEntrypoint(cgroupID, entrypoint) }
  }

  package func install(_ compiled: CompiledPolicy, revision: UInt64) throws(KernelError) {
    try kernel { () throws(BPFError) in
      // The policy itself last: it must never be found before what it refers to.
      try network?.tables.install(compiled, revision: revision)
      do throws(BPFError) { try policy.install(compiled, revision: revision) } catch {
        try? network?.tables.remove(revision: revision)
        throw error
      }
    }
  }

  package func revisions() throws(KernelError) -> Set<UInt64> {
    try kernel { () throws(BPFError) in try policy.revisions() }
  }

  package func removePolicy(_ revision: UInt64) throws(KernelError) {
    try kernel { () throws(BPFError) in
      try policy.removePolicy(revision)
      try network?.tables.remove(revision: revision)
    }
  }

  package func removePolicies(except revisions: Set<UInt64>) throws(KernelError) {
    try kernel { () throws(BPFError) in
      try policy.removePolicies(except: revisions)
      try network?.tables.removeOrphans(keeping: revisions)
    }
  }

  package func attachNetwork(_ cgroup: Cgroup, needs: NetworkNeeds) throws(KernelError) {
    try kernel { () throws(BPFError) in
      try network?.programs.attach(cgroupPath: cgroup.directory, cgroupID: cgroup.id, needs: needs)
    }
  }

  package func trimNetwork(_ cgroup: Cgroup, to needs: NetworkNeeds) throws(KernelError) {
    try kernel { () throws(BPFError) in
      try network?.programs.update(cgroupPath: cgroup.directory, cgroupID: cgroup.id, needs: needs)
    }
  }

  package func detachNetwork(_ cgroupID: UInt64) throws(KernelError) {
    try kernel { () throws(BPFError) in try network?.programs.detach(cgroupID: cgroupID) }
  }

  package func networkCgroups() throws(KernelError) -> [UInt64] {
    try kernel { () throws(BPFError) in try network?.programs.attachedCgroupIDs() ?? [] }
  }

  package func hasStrays() throws(KernelError) -> Bool {
    try kernel { () throws(BPFError) in try policy.hasStrays() }
  }

  package func markRunningTasks() throws(KernelError) {
    try kernel { () throws(BPFError) in try policy.markRunningTasks() }
  }

  package func removeAll() throws(KernelError) {
    // The next Stockade may have begun already: then all of it is its own.
    guard policy.becomeOnlyUser() else { return }
    try kernel { () throws(BPFError) in
      try network?.programs.removeAll()
      try policy.unpinAll()
    }
  }
}

private func kernel<Result>(_ body: () throws(BPFError) -> Result) throws(KernelError) -> Result {
  do throws(BPFError) { return try body() } catch {
    if case .system(let errno) = error { throw KernelError(message: errno.description, reason: errno.reason) }
    throw KernelError(message: error.description, reason: error.description)
  }
}
