import BPF
import Policy
import Synchronization
import System

/// Who a cgroup and a policy's revision stand for, as events name them. Events are read later than they happen, so the
/// index remembers for a while who ended and which policies were replaced.
///
/// The index has a lock of its own. No kernel call is made under that lock, so whoever reads events waits for no
/// decision.
package final class SubjectIndex: Sendable {
  /// Of containers that ended, and of policies that are no longer in force.
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

  /// Who it is, and the profile that judged it. A profile whose text is not known has a name and no rules.
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

  /// Before the kernel can tell anything of it.
  func insert(_ subject: Subject, profile: String?, _ cgroupID: CgroupID) {
    state.withLock { $0.containers[cgroupID] = Container(subject: subject, profile: profile) }
  }

  /// A container that has ended. Where another one is known by that cgroup, nothing changes.
  func end(_ containerID: String, _ cgroupID: CgroupID) {
    state.withLock { state in
      guard let container = state.containers[cgroupID], container.subject.containerID == containerID else { return }
      state.containers[cgroupID] = nil
      state.ended.insert(container, for: cgroupID)
    }
  }

  /// One that is not remembered: the runtime will say whose the cgroup is.
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

  /// No container starts with it any more.
  func retire(_ revision: Revision) {
    state.withLock { state in
      if let profile = state.policies.removeValue(forKey: revision) {
        state.formerPolicies.insert(profile, for: revision)
      }
    }
  }
}
