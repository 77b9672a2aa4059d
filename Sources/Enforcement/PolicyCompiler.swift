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

  /// Everything for which the kernel's tables are too small, on whatever node.
  package static func problems(of profile: Profile) -> [Problem] {
    let network = profile.applyingMode().network
    var (egress, ingress) = (NetworkSection(), NetworkSection())
    (egress.egress, ingress.ingress) = (network.egress, network.ingress)
    return [egress, ingress].compactMap { section in
      var compiled = CompiledPolicy(policy: stockade_policy())
      do throws(CompileNetworkError) { try compileNetwork(section, into: &compiled) } catch { return error.problem }
      return nil
    }
  }
}
