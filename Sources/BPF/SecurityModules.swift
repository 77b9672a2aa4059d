import CBPF
import System

/// The security modules of the running kernel. BPF is one of them if the kernel was built so and was told to use it.
package enum SecurityModules {
  package static let folder = "/sys/kernel/security"
  package static let file = folder + "/lsm"

  /// `capability,landlock,bpf`; nil: it cannot be read, for example because securityfs is not mounted.
  package static var active: String? { (try? Files.text(file))?.filter { $0 != "\n" } }

  package static func hasBPF(_ active: String) -> Bool { active.split(separator: ",").contains("bpf") }

  /// CONFIG_BPF_LSM: whether the kernel has the functions into which such programs hook.
  package static var kernelHasBPF: Bool { stockade_kernel_has("bpf_lsm_bprm_check_security") == 1 }
}
