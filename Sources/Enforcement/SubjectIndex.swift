import BPF
import Policy
import Synchronization
import System

/// Says which container or pod a cgroup stands for, and which profile a policy's revision stands for, as events name
/// them. Events are read later than they happen. So the index remembers for a while which containers ended and which
/// policies were replaced.
///
/// The index has a lock of its own. No kernel call is made under that lock, so a thread that reads events waits for no
/// decision.
package final class SubjectIndex: Sendable {
  /// How many ended containers are remembered, and how many policies that are no longer in force.
  package static let rememberedMax = 256

  private struct Container {
    var subject: Subject
    /// nil: it was let through without a profile, or an earlier process confined it.
    var profile: String?
  }

  private struct State {
    var containers: [CgroupID: Container] = [:]
    var ended = RecentValues<CgroupID, Container>(limit: rememberedMax)
    var pods: [CgroupID: Subject] = [:]
    var policies: [Revision: Profile] = [:]
    var formerPolicies = RecentValues<Revision, Profile>(limit: rememberedMax)
  }
  private let state = Mutex(State())

  /// Finds the container or pod, and the profile that judged it. A profile whose text is not known has a name and no
  /// rules.
  ///
  /// - Returns: nil: the cgroup is none that is known.
  package func find(_ cgroupID: CgroupID, _ revision: Revision?) -> (subject: Subject, profile: Profile?)? {
    state.withLock { state in
      guard let container = state.containers[cgroupID] ?? state.ended[cgroupID] else {
        return state.pods[cgroupID].map { ($0, nil) }
      }
      let judging = revision.flatMap { state.policies[$0] ?? state.formerPolicies[$0] }
      return (container.subject, judging ?? container.profile.map { Profile(name: $0, file: "") })
    }
  }

  // MARK: Containers

  /// Called before the kernel can report anything of the container.
  func insert(_ subject: Subject, profile: String?, _ cgroupID: CgroupID) {
    state.withLock { $0.containers[cgroupID] = Container(subject: subject, profile: profile) }
  }

  /// Notes that a container has ended. If another container is known by that cgroup, nothing changes.
  func end(_ containerID: String, _ cgroupID: CgroupID) {
    state.withLock { state in
      guard let container = state.containers[cgroupID], container.subject.containerID == containerID else { return }
      state.containers[cgroupID] = nil
      state.ended.insert(container, for: cgroupID)
    }
  }

  /// Removes a container that is not remembered: the runtime will say whose the cgroup is.
  func remove(_ containerID: String, _ cgroupID: CgroupID) {
    state.withLock { state in
      if state.containers[cgroupID]?.subject.containerID == containerID { state.containers[cgroupID] = nil }
    }
  }

  // MARK: Pods with a gate

  func insert(pod: Subject, _ cgroupID: CgroupID) { state.withLock { $0.pods[cgroupID] = pod } }

  func remove(pod cgroupID: CgroupID) { state.withLock { $0.pods[cgroupID] = nil } }

  // MARK: Policies

  func insert(_ profile: Profile, _ revision: Revision) { state.withLock { $0.policies[revision] = profile } }

  /// Notes that no container starts with this policy any more.
  func retire(_ revision: Revision) {
    state.withLock { state in
      if let profile = state.policies.removeValue(forKey: revision) {
        state.formerPolicies.insert(profile, for: revision)
      }
    }
  }
}
