import Policy

/// A function of the kernel at which a TracingPolicy decides, as far as a rule can stand for it.
struct TracingHook {
  enum Effect: Equatable {
    /// A program is executed.
    case execution
    /// A file is used, in the ways that the argument at `modeIndex` has as bits.
    case file(Set<Access>, modeIndex: Int?, read: UInt64 = 4, write: UInt64 = 2)
    /// A connection is opened. The address of a sockaddr is its own, so `S` stands for the peer.
    case connection([PortRule.TransportProtocol], isSockaddr: Bool)
  }

  var effect: Effect
  /// The argument that is the path or the socket.
  var index: Int

  private static let both: Set<Access> = [.read, .write]

  /// By the name of a kprobe, without the prefix of an architecture, or of an LSM hook.
  static let all: [String: TracingHook] = [
    "security_bprm_check": .init(effect: .execution, index: 0),
    "security_bprm_creds_for_exec": .init(effect: .execution, index: 0),
    "security_bprm_creds_from_file": .init(effect: .execution, index: 0),
    "bprm_check_security": .init(effect: .execution, index: 0),
    "bprm_creds_for_exec": .init(effect: .execution, index: 0),
    "sys_execve": .init(effect: .execution, index: 0),
    "sys_execveat": .init(effect: .execution, index: 1),
    "security_file_permission": .init(effect: .file(both, modeIndex: 1), index: 0),
    "file_permission": .init(effect: .file(both, modeIndex: 1), index: 0),
    "security_file_open": .init(effect: .file(both, modeIndex: nil), index: 0),
    "file_open": .init(effect: .file(both, modeIndex: nil), index: 0),
    "fd_install": .init(effect: .file(both, modeIndex: nil), index: 1),
    "sys_open": .init(effect: .file(both, modeIndex: nil), index: 0),
    "sys_openat": .init(effect: .file(both, modeIndex: nil), index: 1),
    "security_mmap_file": .init(effect: .file(both, modeIndex: 1, read: 1), index: 0),
    "mmap_file": .init(effect: .file(both, modeIndex: 1, read: 1), index: 0),
    "security_path_truncate": .init(effect: .file([.write], modeIndex: nil), index: 0),
    "path_truncate": .init(effect: .file([.write], modeIndex: nil), index: 0),
    "sys_truncate": .init(effect: .file([.write], modeIndex: nil), index: 0),
    "tcp_connect": .init(effect: .connection([.tcp], isSockaddr: false), index: 0),
    "security_socket_connect": .init(effect: .connection([.tcp, .udp], isSockaddr: true), index: 1),
    "socket_connect": .init(effect: .connection([.tcp, .udp], isSockaddr: true), index: 1),
  ]

  /// What a profile has for functions for which no rule can stand, by a part of their name.
  private static let advice: [(String, String)] = [
    ("bpf", "kernel.block: [bpf]"), ("ptrace", "kernel.block: [ptrace]"), ("module", "kernel.block: [moduleLoad]"),
    ("load_data", "kernel.block: [moduleLoad]"), ("kernel_read_file", "kernel.block: [moduleLoad]"),
    ("perf_event", "kernel.block: [perfEvents]"), ("mount", "kernel.block: [mount]"),
    ("pivot_root", "kernel.block: [mount]"), ("user_ns", "kernel.block: [userNamespaces]"),
    ("unshare", "kernel.block: [userNamespaces]"), ("keyctl", "kernel.block: [keyrings]"),
    ("inode", "file rules with access: [Write]"), ("symlink", "file rules with access: [Write]"),
    ("linkat", "file rules with access: [Write]"), ("sys_write", "file rules with access: [Write]"),
    ("sys_", "spec.seccomp with a rule about the call"), ("listen", "network.ingress rules"),
    ("accept", "network.ingress rules"), ("tcp_", "network rules"), ("udp_", "network rules"),
    ("ip_", "network rules"), ("sock", "network rules, or kernel.sockets"),
  ]

  static func advice(for call: String) -> String {
    advice.first { call.contains($0.0) }.map { "; see whether \($0.1) does it" } ?? ""
  }

  /// `sys_execve` of `__x64_sys_execve`.
  static func name(_ call: String) -> String {
    for prefix in ["__x64_", "__arm64_"] where call.utf8.starts(with: prefix.utf8) {
      return String(call.dropFirst(prefix.count))
    }
    return call
  }
}
