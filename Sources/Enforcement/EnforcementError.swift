import BPF
import Policy
import Seccomp
import System

/// Why a container cannot be confined as its profile says.
package enum EnforcementError: Error, CustomStringConvertible, Sendable {
  case badCgroupPath(String, String)
  case badPID(UInt32, String)
  case noCgroup(path: String, Errno)
  /// The payload's process sits neither in the payload's cgroup nor below it.
  case processElsewhere(pid: UInt32, expected: String, found: String?)
  case sharesRuntimeMountNamespace(pid: UInt32)
  /// In the container's cgroup before its start.
  case processesLeft(LeftProcesses)
  case notFiltered(pid: UInt32)
  case noFilterRequired(pid: UInt32)
  case unenforceable([Gap])
  case noKernel(String)
  case kernel(String)

  package var description: String {
    switch self {
    case .badCgroupPath(let path, let why):
      "cgroup path \"\(path)\" of the container \(why); expected /parent/id or slice:prefix:name"
    case .badPID(let pid, let why): "cannot look at the container's process \(pid): \(why)"
    case .noCgroup(let path, let error): "no cgroup \(path): \(error.reason)"
    case .processElsewhere(let pid, let expected, let found):
      "process \(pid) is neither in cgroup \(expected) nor below it but in \(found ?? "none"); something moved it there"
    case .sharesRuntimeMountNamespace(let pid):
      "process \(pid) shares the runtime's mount namespace, where the container cannot be told from the runtime"
    case .processesLeft(let left):
      "left in the container's cgroup by a hook of the runtime: process \(left), which no rule would bind; let the hook end what it starts"
    case .notFiltered(let pid):
      "process \(pid) has no seccomp filter although the profile sets one: the runtime ignored it, or another plugin removed it"
    case .noFilterRequired(let pid):
      "process \(pid) has no seccomp filter and the profile says requireFilter: true; give the pod a seccompProfile"
    case .unenforceable(let gaps): gaps.map(\.description).joined(separator: "; ")
    case .noKernel(let why): "no rules can be enforced by the kernel on this node: \(why)"
    case .kernel(let why): why
    }
  }
}
