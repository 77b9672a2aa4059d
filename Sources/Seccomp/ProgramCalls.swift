import Glibc
import Policy

/// What a filter that is made of observed calls has to allow beside them.
package enum ProgramCalls {
  /// Calls by which the C library starts and ends a program, and which the kernel itself makes for it. A recording of a
  /// program that ran before has not seen them.
  package static let start = Set(
    RuntimeDefaultCalls.words(
      """
      access arch_prctl brk close execve exit exit_group fstat futex getrandom mmap mprotect munmap newfstatat openat
      pread64 prlimit64 read restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list
      set_tid_address write
      """))

  /// What a container's start needs of a filter, whatever the container does.
  package static let needed = start.union(RuntimeInit.always).union(RuntimeInit.withoutNoNewPrivileges)
}

extension SeccompFilter {
  /// Whether a rule can name the call.
  package static func knows(_ name: String) -> Bool {
    SyscallNames.number(of: name) != nil || SyscallNames.newer[name] != nil
  }

  /// New processes and threads, without new namespaces. The flags of clone3 are in memory, which no filter reads. So it
  /// answers ENOSYS, and libraries use clone.
  package static var forking: [Rule] {
    var clone = Rule(names: ["clone"], action: "SCMP_ACT_ALLOW")
    clone.arguments = [
      Argument(index: 0, value: CloneFlags.newNamespaces, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ")
    ]
    var clone3 = Rule(names: ["clone3"], action: "SCMP_ACT_ERRNO")
    clone3.errnoReturn = UInt32(ENOSYS)
    return [clone, clone3]
  }
}
