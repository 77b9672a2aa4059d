import CStockade
@testable import Policy
@testable import System
@testable import YAML

@testable import BPF
@testable import Enforcement
@testable import Events
@testable import Seccomp

extension Target {
  /// A record of the kernel's ring buffer. What becomes of it is one line of JSON, in both formats.
  static let event = Target(name: "event", samples: { records }) { input in
    guard let event = input.withUnsafeBytes({ KernelEvent(bytes: $0) }) else { return }
    require(event.path.count + event.hook.count <= input.count, "more bytes than there were")
    let decoder = EventDecoder(
      tier: .lsm, subject: { id, _ in id.number & 1 == 0 ? (subject, nil) : nil },
      commandLine: { _ in Array("a\0b".utf8) },
      syscall: { _, _ in SyscallRuling(name: "mount", architecture: "SCMP_ARCH_X86_64", error: "EPERM", rule: nil) },
      bootOffsetNanoseconds: { 1_700_000_000_000_000_000 })
    guard let record = decoder.record(of: event) else { return }
    let told = Event.record(record)
    require(!told.summary.utf8.contains(10), "the summary has several lines")
    requireLine(told.json(node: "n1").text)
    requireLine(EventLineFormat(.ocsf, node: "n1").line(told))
  }

  private static func requireLine(_ line: String) {
    require(line.utf8.allSatisfy { $0 >= 32 }, "a line with control characters: \(line)")
    // The reader takes no NUL, and the kernel writes none.
    let isJSON = (try? Node.parseJSON(Array(line.utf8), file: "line.json")) != nil
    require(isJSON || line.contains("\\u0000"), "no JSON: \(line)")
  }

  private static let subject = Subject(
    containerID: "c1", containerName: "app", podName: "web-0", podNamespace: "shop", podUID: "u", image: "nginx")

  /// One of each kind and effect.
  private static var records: [[UInt8]] {
    KernelEvent.Kind.allCases.flatMap { kind in
      KernelEvent.Effect.allCases.map { effect in
        var header = stockade_event()
        (header.kind, header.effect, header.reason) = (kind.number.rawValue, effect.number.rawValue, 1)
        (header.cgroup_id, header.pid, header.family, header.protocol) = (2, 7, 2, 6)
        (header.path_length, header.arguments_length, header.hook_length) = (6, 4, 2)
        let tail = Array("/bin/aa\0-b/h".utf8)
        let call = kind == .syscall ? withUnsafeBytes(of: stockade_syscall()) { Array($0) } : []
        return withUnsafeBytes(of: header) { Array($0) } + call + tail
      }
    }
  }

  /// `/proc/PID/mountinfo`.
  static let mountinfo = Target(name: "mountinfo", samples: { [own("mountinfo"), Array(mountSample.utf8)] }) { input in
    let info = text(input)
    let mounts = MountInfo.all(in: info)
    let lines = input.split(separator: 10).filter { isMount($0) }
    require(mounts.count == lines.count, "\(mounts.count) mounts of \(lines.count) lines")
    for mount in mounts {
      require(mount.point.utf8.count <= info.utf8.count, "a longer path than there was")
      _ = (mount.isRemote, mount.movesFolders(default: nil), KnownImages.Layers(mount))
    }
    let hierarchy = CgroupHierarchy(mountInfo: info)
    require(hierarchy.root == nil || mounts.contains { $0.point == hierarchy.root }, "a hierarchy that is not mounted")
    let points = ProtectedPlaces.mounts(info)
    let device = ProtectedPlaces.device(of: "/run/stockade", points)
    require(device == nil || points.contains { $0.device == device }, "a device that is not there")
  }

  /// Whether a line has the fields of a mount.
  private static func isMount(_ line: ArraySlice<UInt8>) -> Bool {
    let fields = line.split(separator: 32).map { text($0) }
    guard let dash = fields.firstIndex(of: "-"), dash > 5, dash + 3 < fields.count else { return false }
    return UInt64(fields[0]) != nil && fields[2].utf8.split(separator: 58).count { UInt32(text($0)) != nil } == 2
  }

  private static let mountSample = """
    22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a:/b,upperdir=/u,workdir=/w,redirect_dir=on
    23 22 0:21 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate
    24 22 0:22 /x /mnt/a\\040b rw master:7 - fuse.sshfs host: rw
    25 22 0:23 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids,memory

    """

  /// The other files of `/proc/PID`, and the kernel's list of sockets. The first byte says which.
  static let proc = Target(
    name: "proc",
    samples: { [[0] + own("status"), [1] + own("cgroup"), [2] + read("/proc/net/unix"), [3], [4] + own("cmdline")] }
  ) { input in
    let (choice, rest) = input.choice()
    let bytes = Array(rest)
    let file = text(bytes)
    switch choice {
    case 0:
      if let parent = try? ProcessView.parent(ofStatus: file) { require(parent > 0, "process 0 is a parent") }
      let names = Capabilities.available(inStatus: file)
      require(names.contains("CAP_NET_RAW") == false || ProcessView.hasNetRaw(inStatus: file), "CAP_NET_RAW is lost")
      require(ProcFields.values(of: "PPid", in: file).allSatisfy { !$0.utf8.contains(10) }, "a value of two lines")
    case 1:
      for layout in CgroupHierarchy.Layout.allCases {
        let path = CgroupHierarchy(layout: layout, root: "/sys/fs/cgroup").path(ofProcess: file)
        require(path?.utf8.contains(10) != true, "a path of two lines")
      }
    case 2:
      for (_, path) in ListeningSockets.paths(inTable: bytes) {
        require(!path.utf8.contains(10), "a path of two lines")
      }
    case 3:
      var paths: [UInt64: String] = [:]
      _ = try? ListeningSockets.take(bytes, into: &paths)
      require(paths.values.allSatisfy { $0.utf8.first == 47 && !$0.utf8.contains(0) }, "no path")
    default: break
    }
  }

  private static func own(_ name: String) -> [UInt8] { read("/proc/self/\(name)") }
  private static func read(_ path: String) -> [UInt8] { (try? Files.read(path)) ?? [] }

  /// Where a runtime says that a container's cgroup is: the path, and on further lines a pod's UID and its parent.
  static let cgroup = Target(
    name: "cgroup",
    samples: {
      [
        "/kubepods/burstable/pod6a9b-12345678/5f3a", "kubepods-besteffort-pod1_2.slice:cri-containerd:abc",
        "a:b:c.slice",
        "/a/../\u{301}b", "x\n12345678-abcd\n/kubepods/pod12345678-abcd",
        "x\n12345678-abcd\nkubepods-pod12345678_abcd.slice",
      ].map { Array($0.utf8) }
    }
  ) { input in
    let lines = input.lines
    if let payload = lines.first, let path = try? CgroupPath(payload: payload) { requireNormal(path) }
    guard lines.count >= 3, let path = CgroupPath(pod: lines[1], cgroupParent: lines[2]) else { return }
    requireNormal(path)
    require(path.path.utf8.count >= lines[1].utf8.count, "\(path) does not carry \(lines[1])")
  }

  private static func requireNormal(_ path: CgroupPath) {
    // By bytes, as the kernel: a Character can be a slash with an accent.
    let parts = path.path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { text($0) }
    require(parts.count >= 2 && parts[0].isEmpty, "\(path) is not absolute")
    require(parts.dropFirst().allSatisfy { !["", ".", ".."].contains($0) }, "\(path) is not normal")
    require(parts.count - 1 <= ContainerEntry.cgroupLevelsMax, "\(path) is too deep")
    require(!path.path.utf8.contains(0), "\(path) has a NUL")
    require(path.contains(path.path) && path.contains(path.path + "/x"), "\(path) is not in itself")
  }
}
