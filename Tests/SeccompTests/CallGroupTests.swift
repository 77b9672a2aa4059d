import Testing

@testable import Seccomp

@Suite struct CallGroupTests {
  @Test(
    "a call brings those that do the same, and none that does something else",
    arguments: [
      (["chmod"], ["fchmod", "fchmodat"], ["chown", "open"]), (["read"], ["readv", "pread64"], ["write", "openat"]),
      (["sendmsg"], ["sendto"], ["recvmsg", "socket"]), ([], ["clock_gettime", "futex"], ["read", "kill", "socket"]),
      (["fsync"], ["sync_file_range"], ["sync", "syncfs"]),
    ] as [(Set<String>, [String], Set<String>)])
  func completed(made: Set<String>, brings: [String], not others: Set<String>) {
    let completed = CallGroups.completed(made)
    #expect(completed.isSuperset(of: made) && completed.isSuperset(of: brings))
    #expect(completed.isDisjoint(with: others))
  }

  @Test("no call can make a namespace, execute, trace or mount that was not made")
  func harmless() {
    let dangerous: Set = [
      "clone", "clone3", "unshare", "setns", "execve", "execveat", "ptrace", "mount", "bpf", "setuid",
    ]
    let everything = Set(SyscallNames.all).subtracting(dangerous)
    #expect(CallGroups.completed(everything).isDisjoint(with: dangerous))
  }
}
