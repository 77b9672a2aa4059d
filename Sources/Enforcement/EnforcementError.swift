import BPF
import System

/// Why a container cannot be confined as its profile says.
package enum EnforcementError: Error, CustomStringConvertible, Sendable {
  case badCgroupPath(String, String)
  case noPID
  case unreadableProcess(pid: UInt32, Errno)
  case unreadableRoot(Errno)
  case noCgroup(path: String, Errno)
  /// The payload's process sits neither in the payload's cgroup nor below it.
  case processElsewhere(pid: UInt32, expected: String, found: String?)
  /// Another container has the payload's cgroup.
  case anothersCgroup(path: String, containerID: String)
  /// The profile does not let a container start that is confined no better than this. The text is the refusal.
  case refused(String)
  case noKernel(String)
  case kernel(BackendError)
  case bpf(BPFError)
  case nodeGate(String)

  package var description: String {
    switch self {
    case .badCgroupPath(let path, let why):
      "cgroup path \"\(path)\" of the container \(why); expected /parent/id or slice:prefix:name"
    case .noPID: "cannot look at the container's process: the runtime sent no pid"
    case .unreadableProcess(let pid, let error): "cannot look at the container's process \(pid): \(error)"
    case .unreadableRoot(let error): "cannot look for links in the container's root: \(error)"
    case .noCgroup(let path, let error): "no cgroup \(path): \(error.reason)"
    case .processElsewhere(let pid, let expected, let found):
      "process \(pid) is neither in cgroup \(expected) nor below it but in \(found ?? "none"); something moved it there"
    case .anothersCgroup(let path, let id): "cgroup \(path) belongs to another container, \(id)"
    case .refused(let why): why
    case .noKernel(let why): "no rules can be enforced by the kernel on this node: \(why)"
    case .kernel(let error): error.description
    case .bpf(let error): error.description
    case .nodeGate(let why): why
    }
  }
}
