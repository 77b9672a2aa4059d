import Policy
import Seccomp

/// Parts of the kernel that were not used -> `kernel.block`; families of sockets -> `kernel.sockets`.
extension ProfileDraft {
  /// After the seccomp section: some of it is enforced by the filter alone.
  mutating func addKernel() {
    guard tier > .none else { return }
    if tier >= .fmodRet, sees(.surfaces, for: "kernel.block") { addSurfaces() }
    // Below the tiers with hooks only the filter refuses sockets.
    guard tier >= .fmodRet || profile.seccomp != nil, sees(.families, for: "kernel.sockets") else { return }
    if let reason = whyNoSockets { return comments.head.append("No kernel.sockets: \(reason).") }
    profile.socketFamilies = Set(recording.families.keys)
  }

  private mutating func addSurfaces() {
    profile.kernelBlock = KernelSurface.allCases.filter { recording.surfaces[$0] == nil }
    if profile.seccomp == nil, let index = profile.kernelBlock.firstIndex(of: .executableMemory) {
      profile.kernelBlock.remove(at: index)
      comments.head.append("No kernel.block executableMemory: it needs a seccomp section.")
    }
    let used = KernelSurface.allCases.filter { recording.surfaces[$0] != nil }.map(\.rawValue)
    if !used.isEmpty {
      comments.above["spec.kernel.block"] = ["Used, and so not blocked: \(used.joined(separator: ", "))."]
    }
  }

  /// What `kernel.sockets` would take away beside sockets (docs/seccomp.md).
  private var whyNoSockets: String? {
    if profile.seccomp == nil { return nil }
    if recording.surfaces[.ioUring] != nil || FilterRules.usesRings(recording.syscalls) {
      return "it would refuse io_uring, which the workload used"
    }
    let others = recording.syscalls.keys.count { $0 != FilterRules.nodeArchitecture }
    return others > 0 ? "it would refuse the calls of other architectures, which the workload made" : nil
  }
}
