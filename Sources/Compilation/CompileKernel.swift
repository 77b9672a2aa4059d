import Policy

extension CompiledPolicy.Kernel {
  /// The kernel section, and what other containers may not do.
  init(of profile: Profile, isRecorded: Bool) {
    self.init(otherContainers: profile.effectOnOtherContainers)
    sockets = profile.socketFamilies.map { .init(families: $0, action: profile.mode == .audit ? .audit : .block) }
    if profile.mode == .audit { audited = Set(profile.kernelBlock) } else { blocked = Set(profile.kernelBlock) }
    if isRecorded { record() }
  }

  private mutating func record() {
    audited = Set(KernelSurface.allCases).subtracting(blocked)
    if sockets?.action == .block { sockets?.auditsListed = true } else { sockets = .init(families: [], action: .audit) }
  }
}
