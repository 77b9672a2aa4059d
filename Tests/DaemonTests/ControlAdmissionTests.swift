import BPF
import Enforcement
import Glibc
import RPC
import System
import Testing

@testable import Daemon

@Suite("who may use the control socket")
struct ControlAdmissionTests {
  private static let id = String(repeating: "0123456789abcdef", count: 4)

  @Test(
    "a cgroup is the node's own by its name, and a container's by the name that a runtime gives",
    arguments: [
      ("/", true), ("/init.scope", true), ("/system.slice/ssh.service", true),
      ("/system.slice/containerd.service", true),
      ("/user.slice/user-0.slice/session-1.scope", true), ("/openrc/sshd", true),
      ("/kubepods/besteffort/pod1/\(id)", false), ("/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice", false),
      ("/system.slice/docker-\(id).scope", false), ("/docker/\(id)", false),
      ("/machine.slice/libpod-\(id).scope", false),
      ("/user.slice/user-0.slice/libpod-conmon.scope", false), ("/default/redis", false), ("/k8s.io/a", false),
      ("/system.slice/\(id)", false), ("/system.slice/cri-containerd-a.scope", false), ("/anything", false),
    ] as [(String, Bool)])
  func names(path: String, isOfHost: Bool) {
    #expect(CgroupNames.areOfHost("0::\(path)\n", path: path) == isOfHost)
  }

  @Test("a cgroup's name may begin with an accent, and the cgroup above it counts all the same")
  func accents() {
    #expect(
      "/system.slice/a/\u{301}b".pathsFromTop == [
        "/system.slice", "/system.slice/a", "/system.slice/a/\u{301}b",
      ])
    #expect("/".pathsFromTop == [])
  }

  @Test("one of several hierarchies that says so is enough")
  func hierarchies() {
    #expect(!CgroupNames.areOfHost("4:pids:/kubepods/pod1\n1:cpu:/\n0::/\n", path: "/"))
    #expect(CgroupNames.areOfHost("4:pids:/user.slice\n0::/\n", path: "/"))
  }

  /// The two ends of a connection of this process with itself.
  private func ends() throws -> FileDescriptor { try FileDescriptor.connectedPair().0 }

  @Test("this process is answered, unless its cgroup is a container's", .enabled(if: getuid() == 0, "needs root"))
  func own() throws {
    let hierarchy = try CgroupHierarchy.current()
    let peer = try ControlAdmission(hierarchy: hierarchy) { _ in false }.admit(ends())
    #expect(peer.uid == 0 && peer.pid == getpid())
    let path = hierarchy.path(ofProcess: try Files.text("/proc/self/cgroup")) ?? "/"
    guard path != "/" else { return }
    let refused = #expect(throws: RPCStatus.self) {
      try ControlAdmission(hierarchy: hierarchy) { _ in true }.admit(ends())
    }
    #expect(refused?.message == "the process is in a container: its cgroup is \(path)")
  }

  @Test("without a hierarchy of cgroups nobody is answered", .enabled(if: getuid() == 0, "needs root"))
  func unknown() throws {
    let refused = #expect(throws: RPCStatus.self) {
      try ControlAdmission(hierarchy: CgroupHierarchy(layout: .v2, root: nil)) { _ in false }.admit(ends())
    }
    #expect(refused?.message == "the process's cgroup is not known")
  }
}
