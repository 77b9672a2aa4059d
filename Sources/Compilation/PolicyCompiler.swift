import Policy

/// Turns a profile into what the kernel's tables hold. The code is pure; its parts are in the files Compile….swift.
package enum PolicyCompiler {
  /// - Parameter isRecorded: everything that the profile allows is audited.
  package static func compile(
    _ profile: Profile, isRecorded: Bool = false
  ) throws(CompilationError) -> CompiledPolicy {
    var compiled = CompiledPolicy()
    compiled.setPaths(of: profile, isRecorded: isRecorded)
    compiled.kernel = CompiledPolicy.Kernel(of: profile, isRecorded: isRecorded)
    let applied = profile.applyingMode()
    try compiled.add((isRecorded ? applied.recorded : applied).network, listed: isRecorded ? .audit : .allow)
    return compiled
  }

  /// What `compile` would throw.
  package static func problems(of profile: Profile) -> [Problem] {
    do {
      _ = try compile(profile)
      return []
    } catch { return error.problems }
  }
}

extension CompiledPolicy {
  mutating func setPaths(of profile: Profile, isRecorded: Bool) {
    let applied = profile.applyingMode()
    let profile = isRecorded ? applied.recorded : applied
    process = profile.process.map { Process($0) }
    process?.auditsEntrypoint = isRecorded
    file = profile.fileAccess.flatMap { File($0) }
  }
}
