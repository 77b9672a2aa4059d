import Policy

/// Turns a profile into what the kernel's tables hold. The code is pure; its parts are in the files Compile….swift.
package enum PolicyCompiler {
  package static func compile(_ profile: Profile) throws(CompilationError) -> CompiledPolicy {
    let profile = profile.applyingMode()
    var compiled = CompiledPolicy()
    compiled.process = profile.process.map { CompiledPolicy.Process($0) }
    compiled.file = profile.fileAccess.flatMap { CompiledPolicy.File($0) }
    compiled.kernel = CompiledPolicy.Kernel(of: profile)
    try compiled.add(profile.network)
    return compiled
  }

  /// Everything for which the kernel's tables are too small, on whatever node.
  package static func problems(of profile: Profile) -> [Problem] {
    let network = profile.applyingMode().network
    var (egress, ingress) = (NetworkSection(), NetworkSection())
    (egress.egress, ingress.ingress) = (network.egress, network.ingress)
    return [egress, ingress].compactMap { section in
      var compiled = CompiledPolicy()
      do throws(CompilationError) { try compiled.add(section) } catch { return error.problem }
      return nil
    }
  }
}
