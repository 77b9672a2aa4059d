import BPF
import CStockade
import Policy

/// What the kernel side can be asked for. One conformer in the product, `BPFKernel`; tests have another one, which
/// records the order of the steps and fails where it is told to.
package protocol PolicyKernel: AnyObject, Sendable {
  /// What was proved to work for exec rules.
  var tier: Tier { get }
  /// nil: network rules can be attached to cgroups; else why not.
  var networkProblem: String? { get }

  func containers() throws(KernelError) -> [stockade_container]
  func container(_ cgroupID: UInt64) throws(KernelError) -> stockade_container?
  func put(_ container: stockade_container) throws(KernelError)
  /// Removes the entry and all that hangs on it. Missing is success.
  func remove(_ cgroupID: UInt64) throws(KernelError)
  func setEntrypoint(_ cgroupID: UInt64, _ entrypoint: stockade_entrypoint) throws(KernelError)

  /// Writes a policy under a revision nobody refers to yet; on error nothing of it is left.
  func install(_ policy: CompiledPolicy, revision: UInt64) throws(KernelError)
  /// Of the policies in the kernel.
  func revisions() throws(KernelError) -> Set<UInt64>
  func removePolicy(_ revision: UInt64) throws(KernelError)
  /// Removes every policy that is not in `revisions`: what an earlier process left.
  func removePolicies(except revisions: Set<UInt64>) throws(KernelError)

  /// Attaches what is needed and not attached yet.
  func attachNetwork(_ cgroup: Cgroup, needs: NetworkNeeds) throws(KernelError)
  /// Detaches what is attached and not needed.
  func trimNetwork(_ cgroup: Cgroup, to needs: NetworkNeeds) throws(KernelError)
  /// Gone is success. An error is the kernel's refusal to detach.
  func detachNetwork(_ cgroupID: UInt64) throws(KernelError)
  /// Cgroups with network programs attached, also by an earlier process.
  func networkCgroups() throws(KernelError) -> [UInt64]

  /// Whether a process lives that left its container's cgroup.
  func hasStrays() throws(KernelError) -> Bool
  /// Marks the tasks that run already in containers with a policy.
  func markRunningTasks() throws(KernelError)
  /// Takes everything out of the kernel: programs, links, maps and pins.
  func removeAll() throws(KernelError)
}

/// The kernel refused. `reason` alone is the errno's text.
package struct KernelError: Error, CustomStringConvertible, Sendable {
  package var message: String
  package var reason: String

  package init(message: String, reason: String) {
    self.message = message
    self.reason = reason
  }
  package var description: String { message }
}
