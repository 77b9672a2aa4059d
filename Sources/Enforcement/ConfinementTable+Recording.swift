import BPF
import Compilation
import Policy

/// Recorded containers. A recorded container has another policy of the same text: it audits what the text allows.
extension ConfinementTable {
  /// The text that a container's policy was made of; nil: it has no policy, or an earlier process made the policy.
  func text(of containerID: String) -> Profile? { entries[containerID]?.text }

  /// Points a container at the policy with or without a recording, and begins or ends that.
  ///
  /// - Returns: false: the container is gone or closed, or has another text by now; or it is recorded already.
  mutating func setRecorded(_ containerID: String, _ compiled: CompiledProfile) throws(BackendError) -> Bool {
    guard let entry = entries[containerID], var key = entry.policy, entry.text == compiled.profile,
      entry.phase == .open, !compiled.isRecorded || !entry.isSuspended && !key.isRecorded
    else { return false }
    key.isRecorded = compiled.isRecorded
    defer { forgetUnusedPolicies() }
    let installed = try install(key, compiled)
    if compiled.isRecorded { try kernel.beginRecording(entry.cgroup.id, compiled.recording) }
    do throws(BackendError) { try point(containerID, entry, at: installed, key) } catch {
      if compiled.isRecorded { try? kernel.stopRecording(entry.cgroup.id) }
      throw error
    }
    if !compiled.isRecorded { try kernel.stopRecording(entry.cgroup.id) }
    return true
  }

  /// A changed text in the form that the container gets. If it cannot be recorded, the recording ends: what the text
  /// denies comes first.
  func form(of text: CompiledProfile, for entry: Entry) -> CompiledProfile {
    guard entry.policy?.isRecorded == true else { return text }
    if let recorded = try? CompiledProfile(text.profile, recording: .facts) { return recorded }
    try? kernel.stopRecording(entry.cgroup.id)
    return text
  }
}
