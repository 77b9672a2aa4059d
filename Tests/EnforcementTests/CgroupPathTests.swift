import Enforcement
import Glibc
import System
import Testing

@Suite struct CgroupPathTests {
  @Test(
    "both drivers' forms give the folder in the hierarchy",
    arguments: [
      ("/k8s.io/abc", "/k8s.io/abc"),
      ("/kubepods/besteffort/pod1/abc", "/kubepods/besteffort/pod1/abc"),
      ("k8s.io//abc/", "/k8s.io/abc"),
      (
        "kubepods-besteffort-pod1_2.slice:cri-containerd:abc",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/cri-containerd-abc.scope"
      ),
      ("-.slice:cri-containerd:abc", "/cri-containerd-abc.scope"),
      (":cri-containerd:abc", "/system.slice/cri-containerd-abc.scope"),
      ("a.slice:x:b.slice", "/a.slice/b.slice"),
      ("/with:two:colons", "/with:two:colons"),
    ])
  func forms(payload: String, path: String) throws {
    #expect(try CgroupPath(payload: payload).path == path)
  }

  @Test(
    "what could lead elsewhere is refused",
    arguments: [
      ("", "is empty"), ("/", "names the root"), ("/a/../b", "contains \"..\""), ("/a/./b", "contains \".\""),
      ("/a\0b", "NUL"), ("a.slice:x:", "names no unit"), ("a--b.slice:x:y", "empty part"),
      ("a:x:y", "no valid slice"), ("a.slice:x:../y", "slash"), ("a/b.slice:x:y", "no valid slice"),
      // An accent joins the character before it.
      ("/a/../\u{301}b", "contains \"..\""), ("a.slice:x:y/\u{301}z", "slash"),
      ("a/\u{301}.slice:x:y", "no valid slice"),
    ])
  func refused(payload: String, why: String) {
    let error = #expect(throws: EnforcementError.self) { try CgroupPath(payload: payload) }
    #expect(error.map { "\($0)".contains(why) } == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test("a path may be as long as the limit and not a byte longer")
  func limit() throws {
    let longest = "/" + String(repeating: "a", count: CgroupPath.maximumBytes - 1)
    #expect(try CgroupPath(payload: longest).path == longest)
    #expect(throws: EnforcementError.self) { try CgroupPath(payload: longest + "a") }
  }

  @Test("a gate is only for a cgroup that carries the pod's uid")
  func gates() {
    let uid = "1e73bd8c-7675-4bc2-ad46-b80d571a82e3"
    #expect(
      CgroupPath(pod: uid, cgroupParent: "/kubepods/besteffort/pod\(uid)")?.path == "/kubepods/besteffort/pod\(uid)")
    let slice = "kubepods-besteffort-pod1e73bd8c_7675_4bc2_ad46_b80d571a82e3.slice"
    #expect(CgroupPath(pod: uid, cgroupParent: slice)?.path == "/kubepods.slice/kubepods-besteffort.slice/\(slice)")
    for shared in ["", "/kubepods", "/kubepods/besteffort", "/k8s.io", "/pod", "/kubepods/podother"] {
      #expect(CgroupPath(pod: uid, cgroupParent: shared) == nil, "\(shared)")
    }
    #expect(CgroupPath(pod: "", cgroupParent: "/kubepods/pod") == nil)
  }

  @Test("a pod's slice has the limits of every path")
  func sliceLimits() {
    func path(_ stem: String) -> CgroupPath? { CgroupPath(pod: "12345678", cgroupParent: "\(stem)-pod12345678.slice") }
    #expect(path("kubepods")?.path == "/kubepods.slice/kubepods-pod12345678.slice")
    #expect(path("kube\0pods") == nil)
    #expect(path(String(repeating: "a", count: CgroupPath.maximumBytes)) == nil)
  }
}

@Suite struct ProcessViewTests {
  @Test("a process whose parent is not to be seen is not looked at: its filter might be the parent's")
  func parents() throws {
    #expect(try ProcessView.parent(ofStatus: "Name:\ta\\nPPid:\t9\nPid:\t4\nPPid:\t7\n") == 7)
    for text in ["", "PPid:\t0\n", "PPid:\t\n", "PPid:\tx\n", "Name:\tPPid:\t7\n"] {
      #expect(throws: Errno.self) { try ProcessView.parent(ofStatus: text) }
    }
    let hierarchy = CgroupHierarchy(layout: .v2, root: nil)
    let own = try ProcessView(pid: UInt32(getpid()), in: hierarchy)
    #expect(own.parentStatus.contains("\nPid:\t\(getppid())\n"))
    #expect(throws: EnforcementError.self) { try ProcessView(pid: 1, in: hierarchy) }
  }

  @Test(
    "a process can have CAP_NET_RAW if its bounding set has it, or cannot be read",
    arguments: [("CapBnd:\t00000000a80425fb\n", true), ("CapBnd:\t00000000a80405fb\n", false), ("Name:\ta\n", true)])
  func netRaw(status: String, expected: Bool) { #expect(ProcessView.hasNetRaw(inStatus: status) == expected) }
}

@Suite struct CgroupHierarchyTests {
  @Test("the layout and the hierarchy of containers are read from mountinfo")
  func layouts() {
    let v2 = "30 23 0:26 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n"
    let unified = "31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    let pids = "32 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    #expect(CgroupHierarchy(mountInfo: v2) == CgroupHierarchy(layout: .v2, root: "/sys/fs/cgroup"))
    #expect(
      CgroupHierarchy(mountInfo: pids + unified) == CgroupHierarchy(layout: .hybrid, root: "/sys/fs/cgroup/unified"))
    #expect(CgroupHierarchy(mountInfo: pids) == CgroupHierarchy(layout: .v1, root: "/sys/fs/cgroup/pids"))
    let memory = "33 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    #expect(CgroupHierarchy(mountInfo: memory) == CgroupHierarchy(layout: .v1, root: nil))
    let joined = "34 23 0:30 / /sys/fs/cgroup/cpu,pids rw - cgroup cgroup rw,cpu,pids\n"
    #expect(CgroupHierarchy(mountInfo: memory + joined).root == "/sys/fs/cgroup/cpu,pids")
  }

  @Test("a bind mount of a part of the hierarchy is no place for our paths")
  func partial() {
    let text = """
      40 23 0:26 /kubepods/pod1 /a rw - cgroup2 cgroup2 rw
      41 23 0:26 / /with\\040space rw - cgroup2 cgroup2 rw
      """
    #expect(CgroupHierarchy(mountInfo: text).root == "/with space")
  }

  @Test(
    "a process's path is that in the hierarchy of containers",
    arguments: [
      (CgroupHierarchy.Layout.v2, "/two"), (.hybrid, "/two"), (.v1, "/one:a"),
    ])
  func paths(layout: CgroupHierarchy.Layout, path: String) {
    let text = "5:cpu,pids:/one:a\n1:name=systemd:/other\n0::/two\n"
    #expect(CgroupHierarchy(layout: layout, root: "/").path(ofProcess: text) == path)
    #expect(CgroupHierarchy(layout: layout, root: "/").path(ofProcess: "1:name=pids:/a\n") == nil)
  }
}
