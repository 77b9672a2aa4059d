import BPF
import Compilation
import Policy
import System

/// What the kernel side can be asked for. In the product one type conforms, `BPFBackend`. Tests have another one, which
/// records the order of the steps and fails where the test wants it.
package protocol EnforcementBackend: AnyObject, Sendable {
  /// The tier whose programs run.
  var tier: Tier { get }
  /// What those programs enforce.
  var claim: TierClaim { get }
  /// Looks for what refutes the claim, and lowers it.
  ///
  /// - Returns: what was found; nil: nothing since the last time.
  func checkClaim() throws(BackendError) -> String?
  /// Checks that what the claim rests on is there and ours: pins, links, programs. Puts right what is not.
  func mend() -> PinsCheck
  /// Does the same for a container's network programs. nil: they are as they should be, or there are none.
  func mendNetwork(_ cgroup: Cgroup) -> Damage?
  /// nil: network rules can be attached to cgroups; else why not.
  var networkProblem: String? { get }
  /// nil: what the kernel remembers for one container takes memory from no other container; else why it can.
  var memoryProblem: String? { get }

  /// May be called while another thread calls anything else.
  func containers() throws(BackendError) -> [ContainerEntry]
  func container(_ cgroupID: CgroupID) throws(BackendError) -> ContainerEntry?
  func put(_ container: ContainerEntry) throws(BackendError)
  /// Removes the entry and everything that depends on it. A missing entry is success.
  func remove(_ cgroupID: CgroupID) throws(BackendError)
  /// Writes the mounts that give the container's files their paths.
  func setVolumes(_ cgroupID: CgroupID, _ volumes: [Volume]) throws(BackendError)
  /// What a file is to a container with this root. May be called while another thread calls anything else.
  func look(at file: FileDescriptor, rootDevice: UInt32) throws(BackendError) -> FileLook
  /// Removes the mounts of every other cgroup: what a start that was cut short left.
  func removeVolumes(except cgroups: Set<CgroupID>) throws(BackendError)
  func setEntrypoint(_ cgroupID: CgroupID, _ entrypoint: ProcessIdentity) throws(BackendError)

  /// Records what the container does from now on, as far as its policy audits it. `Recordings` has it.
  func beginRecording(_ cgroupID: CgroupID, _ detail: RecordingDetail) throws(BackendError)
  /// Records nothing more. A container that is not recorded is success.
  func stopRecording(_ cgroupID: CgroupID) throws(BackendError)

  /// The keys are the ids of the pods' cgroups.
  func gates() throws(BackendError) -> [CgroupID: GateState]
  /// nil: the pod has no gate.
  func gate(_ podID: CgroupID) throws(BackendError) -> GateState?
  func sandbox(_ podID: CgroupID) throws(BackendError) -> SandboxEntry?
  /// May be called while another thread calls anything else.
  func sandboxes() throws(BackendError) -> [CgroupID: SandboxEntry]
  /// If the pod is gone, nothing is written.
  func replaceSandbox(_ podID: CgroupID, _ sandbox: SandboxEntry) throws(BackendError)
  /// - Parameter sandbox: nil: what the kernel already knows of the sandbox, or will find out.
  func setGate(_ podID: CgroupID, _ state: GateState, sandbox: SandboxEntry?) throws(BackendError)
  /// Whether every pod's gate is closed from its cgroup's first moment on: the node gate.
  func nodeGateIsClosed() throws(BackendError) -> Bool
  /// Whether the node gate never holds a pod back.
  func isExempt(podUID: String) throws(BackendError) -> Bool
  /// A missing gate is success.
  func removeGate(_ podID: CgroupID) throws(BackendError)

  /// Writes a policy under a revision that nobody refers to yet. After an error nothing of the policy is left.
  func install(_ policy: CompiledPolicy, revision: Revision) throws(BackendError)
  /// The revisions of the policies in the kernel. May be called while another thread calls anything else.
  func revisions() throws(BackendError) -> Set<Revision>
  /// May be called while another thread calls anything else.
  func removePolicies(_ revisions: Set<Revision>) throws(BackendError)
  /// Removes every policy that is not in `revisions`: what an earlier process left.
  func removePolicies(except revisions: Set<Revision>) throws(BackendError)

  /// Attaches the programs that are needed and not attached yet.
  func attachNetwork(_ cgroup: Cgroup, needs: NetworkNeeds) throws(BackendError)
  /// Detaches the programs that are attached and not needed.
  func trimNetwork(_ cgroup: Cgroup, to needs: NetworkNeeds) throws(BackendError)
  /// A cgroup that is gone is success. An error means that the kernel refused to detach.
  func detachNetwork(_ cgroupID: CgroupID) throws(BackendError)
  /// The cgroups that have network programs attached, also those that an earlier process attached.
  func networkCgroups() throws(BackendError) -> [CgroupID]

  /// Forgets processes that are over but were not seen to end. May be called while another thread calls anything else.
  func sweepStrays() throws(BackendError)
  /// How full the tables are.
  func fills() throws(BackendError) -> [MapFill]
  /// Whether a process lives that left its container's cgroup. May be called while another thread calls anything else.
  func hasStrays() throws(BackendError) -> Bool
  /// Marks the tasks that run already in containers with a policy.
  ///
  /// - Returns: the cgroup ids of containers that have a task for whose mark there was no memory.
  func markRunningTasks() throws(BackendError) -> Set<CgroupID>
  /// Takes everything out of the kernel: programs, links, maps and pins.
  func removeAll() throws(BackendError)
}

package enum PinsCheck: Equatable, Sendable {
  /// What was found.
  case inCharge([Damage])
  /// A newer process looks after the pins.
  case replaced
}

extension EnforcementBackend {
  /// What profiles are judged by. `checkClaim` can change it.
  package var capabilities: NodeCapabilities {
    NodeCapabilities(claim, networkProblem: networkProblem, memoryProblem: memoryProblem)
  }
}

/// The kernel refused. `reason` alone is the errno's text.
package struct BackendError: Error, CustomStringConvertible, Sendable {
  package var message: String
  package var reason: String

  package init(message: String, reason: String) {
    self.message = message
    self.reason = reason
  }
  package var description: String { message }
}
