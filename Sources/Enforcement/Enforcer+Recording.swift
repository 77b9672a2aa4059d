import BPF
import Compilation
import Policy

/// Recordings of containers that run. Enforcement does not change while a container is recorded.
extension Enforcer {
  /// A text that changes while it is compiled is compiled anew.
  private static let attemptsMaximum = 8

  /// Begins or ends a container's recording. Afterwards the container has the policy that it had before.
  ///
  /// - Returns: false: the container is gone, closed, or has no profile whose text is known.
  package func setRecorded(_ containerID: String, _ detail: RecordingDetail) throws(BackendError) -> Bool {
    guard let table else { return false }
    for _ in 0..<Self.attemptsMaximum {
      guard let text = table.withLock({ $0.text(of: containerID) }) else { return false }
      let compiled: CompiledProfile
      do { compiled = try CompiledProfile(text, recording: detail) } catch {
        throw BackendError(message: "it cannot be recorded under its profile: \(error)", reason: "\(error)")
      }
      let isDone = try table.withLock { (table) throws(BackendError) in try table.setRecorded(containerID, compiled) }
      if isDone { return true }
    }
    return false
  }
}
