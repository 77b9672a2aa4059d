import CSeccomp
import Glibc
import Policy

/// The names of system calls: libseccomp's, and newer ones.
enum SyscallNames {
  /// Calls newer than libseccomp 2.5.4, with their numbers. The numbers are the same on x86_64 and aarch64 unless a
  /// comment says otherwise. Shorten the list when a newer libseccomp knows the calls.
  static let newer: [String: Int] = [
    "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455,
    "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459, "lsm_set_self_attr": 460,
    "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464, "listxattrat": 465,
    "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468, "file_setattr": 469, "listns": 470,
    // x86_64 only.
    "uretprobe": 335, "uprobe": 336,
    // riscv64 only.
    "riscv_hwprobe": 258,
  ]

  /// libseccomp's own number of a call: the native number, or a negative one if the native ABI lacks the call.
  static func number(of name: String) -> Int32? {
    let number = seccomp_syscall_resolve_name(name)
    return number == __NR_SCMP_ERROR ? nil : number
  }

  /// nil: the architecture does not have the call, or libseccomp does not know it.
  static func number(of name: String, on architecture: Architecture) -> Int? {
    let number = seccomp_syscall_resolve_name_arch(seccomp_arch_resolve_name(architecture.rawValue), name)
    return number >= 0 ? Int(number) : nil
  }

  static func check(_ name: String, at location: Location) throws(SeccompError) {
    if number(of: name) != nil || newer[name] != nil { return }
    throw .unknown(
      location, what: "syscall", word: name,
      advice: Suggestion.advice(for: name, among: all, otherwise: "syscalls(2) lists the names"))
  }

  /// The version of the libseccomp that makes the checks: `2.5.4`.
  static let library: String = {
    guard let version = seccomp_version()?.pointee else { return "of unknown version" }
    return "\(version.major).\(version.minor).\(version.micro)"
  }()

  /// The known names of calls that one of the architectures has, and of newer calls.
  static func names(on architectures: [String]) -> [String] {
    let words = FilterWords.architectures.filter { architectures.contains($0.key) }.map(\.value)
    let tokens = words.map { seccomp_arch_resolve_name($0) }
    return all.filter { name in
      newer[name] != nil || tokens.contains { seccomp_syscall_resolve_name_arch($0, name) >= 0 }
    }
  }

  /// Every known name of the ABIs of both supported architectures, sorted. Slow; for messages.
  static let all: [String] = {
    var names = Set(newer.keys)
    for architecture in ["x86_64", "x86", "aarch64", "arm"] {
      let token = seccomp_arch_resolve_name(architecture)
      // No table is longer. 32-bit ARM has a few private calls above that number, but nobody mistypes them.
      for number in Int32(0)..<600 {
        guard let name = seccomp_syscall_resolve_num_arch(token, number) else { continue }
        names.insert(String(cString: name))
        free(name)
      }
    }
    return names.sorted()
  }()
}
