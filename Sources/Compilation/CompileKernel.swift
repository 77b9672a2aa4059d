import Policy

extension CompiledPolicy.Kernel {
  /// The kernel section, and what other containers may not do.
  init(of profile: Profile) {
    self.init(otherContainers: profile.effectOnOtherContainers)
    if profile.mode == .audit { audited = Set(profile.kernelBlock) } else { blocked = Set(profile.kernelBlock) }
  }
}
