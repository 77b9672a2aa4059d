import Policy

/// A profile with what the kernel's tables hold of it. So nothing is compiled when a container starts.
///
/// It stays in memory as long as the profile. A rule about a path takes 300 bytes. So a section with as many rules as
/// it may have (4096) takes about 1 MB.
package struct CompiledProfile: Sendable {
  package let profile: Profile
  /// The whole policy. `reduced` leaves out what a node or a container does not enforce, before the policy is written.
  package let policy: CompiledPolicy

  package init(_ profile: Profile) throws(CompilationError) {
    self.profile = profile
    policy = try PolicyCompiler.compile(profile)
  }
}

extension CompiledProfile: Equatable {
  /// The policy follows from the profile.
  package static func == (a: Self, b: Self) -> Bool { a.profile == b.profile }
}
