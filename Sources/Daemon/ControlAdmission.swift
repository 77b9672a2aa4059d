import BPF
import Enforcement
import Glibc
import RPC
import System

/// Who may use the control socket: root's processes of the node itself. No process of a container may, whatever it is
/// allowed otherwise. What cannot be read is refused.
struct ControlAdmission: Sendable {
  private static let namespaces = ["pid", "mnt"]

  let hierarchy: CgroupHierarchy
  /// Whether a cgroup is a container's or a pod's.
  let isConfined: @Sendable (CgroupID) -> Bool

  func admit(_ socket: FileDescriptor) throws(RPCStatus) -> RPCPeer {
    do {
      let credentials = try socket.credentials("ask who has connected")
      guard credentials.uid == 0 else { throw RPCStatus(.permissionDenied, "user \(credentials.uid) is not root") }
      guard credentials.pid > 0 else {
        throw RPCStatus(.permissionDenied, "the process is in another pid namespace")
      }
      let process = try PeerProcess(of: socket, credentials.pid)
      let folder = "/proc/\(credentials.pid)"
      try checkNamespaces(folder)
      try checkCgroup(folder)
      let login = try LoginUser.ofProcess(folder)
      // What was read is the peer's only if the peer is there still.
      try process.check()
      return RPCPeer(uid: credentials.uid, pid: credentials.pid, loginUID: login)
    } catch let error as RPCStatus { throw error } catch {
      throw RPCStatus(.permissionDenied, "\(error)")
    }
  }

  private func checkNamespaces(_ folder: String) throws {
    for namespace in Self.namespaces {
      let found = try FileIdentity(Files.status("\(folder)/ns/\(namespace)"))
      let known = ["/proc/self", "/proc/1"].compactMap { try? FileIdentity(Files.status("\($0)/ns/\(namespace)")) }
      guard known.contains(found) else {
        throw RPCStatus(.permissionDenied, "the process is in another \(namespace) namespace")
      }
    }
  }

  private func checkCgroup(_ folder: String) throws {
    let text = try Files.text("\(folder)/cgroup")
    guard let root = hierarchy.root, let path = hierarchy.path(ofProcess: text) else {
      throw RPCStatus(.permissionDenied, "the process's cgroup is not known")
    }
    let own = hierarchy.path(ofProcess: try Files.text("/proc/self/cgroup"))
    guard path == own || CgroupNames.areOfHost(text, path: path) else {
      throw RPCStatus(.permissionDenied, "the process may be in a container: its cgroup is \(path)")
    }
    for cgroup in path.pathsFromTop {
      if isConfined(CgroupID(UInt64(try Files.status(root + cgroup).st_ino))) {
        throw RPCStatus(.permissionDenied, "the process is in a container: its cgroup is \(path)")
      }
    }
  }
}

/// Which cgroups may be the node's own, by their names: of containers that no runtime has told Stockade of, nothing
/// else is known.
enum CgroupNames {
  /// What systemd and OpenRC make for services and for people who log in.
  private static let ofHost: Set<Substring> = ["init.scope", "system.slice", "user.slice", "openrc"]
  /// The names that runtimes give, with whatever stands before and behind them.
  private static let ofContainers = [
    "kubepods", "docker", "libpod", "containerd-", "crio", "nerdctl", "lxc", "machine",
  ]
  private static let idLength = 64

  /// - Parameters:
  ///   - text: of `/proc/PID/cgroup`: a line for each hierarchy.
  ///   - path: the process's in the hierarchy that counts.
  static func areOfHost(_ text: String, path: String) -> Bool {
    let first = path.parts(between: "/").first
    return first.map(ofHost.contains) ?? true
      && !text.split(separator: "\n").contains { isOfContainer($0.split(separator: ":", maxSplits: 2).last ?? "") }
  }

  private static func isOfContainer(_ path: Substring) -> Bool {
    path.parts(between: "/").contains { name in
      name != "docker.service" && ofContainers.contains { name.contains($0) } || hasID(name)
    }
  }

  /// Whether a name has the 64 digits of a container's id.
  private static func hasID(_ name: Substring) -> Bool {
    var digits = 0
    for byte in name.utf8 {
      let isDigit =
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
      digits = isDigit ? digits + 1 : 0
      if digits == idLength { return true }
    }
    return false
  }
}

/// The process at the other end of a connection, held so that no other process passes for it.
private struct PeerProcess {
  private let handle: ProcessHandle
  private let pid: pid_t
  /// Before Linux 6.5 the kernel gives no handle of the process that connected. Its number may be another process's by
  /// now, so that process must have the other end of the connection.
  private let holds: UInt64?

  init(of socket: FileDescriptor, _ pid: pid_t) throws(Errno) {
    self.pid = pid
    if let file = try socket.peerHandle() {
      (handle, holds) = (ProcessHandle(file), nil)
    } else {
      handle = try ProcessHandle(pid: pid)
      holds = try ListeningSockets.peer(of: socket)
    }
  }

  /// - Throws: the process has ended, or is not the one that connected.
  func check() throws(Errno) {
    if let holds {
      let link = "socket:[\(holds)]"
      let files = try Files.names(in: "/proc/\(pid)/fd")
      guard files.contains(where: { (try? Files.link(at: "/proc/\(pid)/fd/\($0)")) == link }) else {
        throw Errno(ESRCH, "find the connection at process \(pid)")
      }
    } else if try handle.pid() != pid {
      throw Errno(ESRCH, "find the process that connected")
    }
    if handle.hasEnded { throw Errno(ESRCH, "find the process that connected") }
  }
}
