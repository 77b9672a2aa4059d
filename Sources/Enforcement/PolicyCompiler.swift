import BPF
import CStockade
import Policy

/// From a profile to what the kernel's maps hold. Pure; the parts are in the files Compile….swift.
package enum PolicyCompiler {
  /// - Parameters:
  ///   - tier: rules it cannot enforce at all are left out; that they are missing was refused or reported before.
  ///   - withoutNewExecutables: the container's root cannot tell new files from the image's.
  package static func compile(
    _ profile: Profile, tier: Tier, hasNetwork: Bool, withoutNewExecutables: Bool
  ) throws(EnforcementError) -> CompiledPolicy {
    let profile = profile.applyingMode()
    var compiled = CompiledPolicy(policy: stockade_policy())
    if tier >= .signal, var process = profile.process {
      if withoutNewExecutables { process.newExecutables = .allow }
      compiled.add(process)
    }
    if tier >= .fmodRet, let file = profile.fileAccess { compiled.add(file) }
    if tier >= .fmodRet { compiled.addKernel(of: profile) }
    if hasNetwork {
      do throws(CompileNetworkError) { try compileNetwork(profile.network, into: &compiled) } catch {
        throw .compile("\(error)")
      }
    }
    return compiled
  }
}
