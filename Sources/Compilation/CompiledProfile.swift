import Policy

/// A profile with what the kernel's tables hold of it, so that the start of a container compiles nothing.
///
/// It stays in memory as long as the profile: 300 bytes for a rule about a path, so about 1 MB for a section with as
/// many rules as it may have (4096).
package struct CompiledProfile: Sendable {
  package let profile: Profile
  /// All of it. What a node or a container does not enforce is left out by `reduced` before it is written.
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
