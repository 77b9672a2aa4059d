import CSystem

/// Names of capabilities, with `CAP_` in front. capabilities(7).
package enum Capabilities {
  /// By number, from 0; capability.h.
  package static let names = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
  ].map { "CAP_" + $0 }

  /// What containerd and CRI-O give a container that asks for nothing.
  package static let containerDefault = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
    "CAP_AUDIT_WRITE",
  ]

  /// The names of the bits set in `mask`.
  package static func names(in mask: UInt64) -> [String] {
    names.enumerated().filter { mask & (1 << $0.offset) != 0 }.map(\.element)
  }

  /// Takes from the calling thread every capability that is not `kept`, for good. The threads that it starts from now
  /// on have no others, and programs that it executes get no others than `passable`. capset(2) and prctl(2).
  package static func keep(_ kept: [String], passable: [String]) throws(Errno) {
    try call("drop capabilities (it takes CAP_SETPCAP)") {
      system_keep_capabilities(mask(of: kept), mask(of: passable))
    }
  }

  private static func mask(of wanted: [String]) -> UInt64 {
    names.enumerated().reduce(0) { wanted.contains($1.element) ? $0 | 1 << $1.offset : $0 }
  }

  /// The bounding set in the text of `/proc/PID/status`: everything that a process may pass on. Empty if the text has
  /// none.
  package static func available(inStatus text: String) -> [String] {
    let digits = ProcFields.values(of: "CapBnd", in: text).first
    return names(in: digits.flatMap { UInt64($0, radix: 16) } ?? 0)
  }
}
