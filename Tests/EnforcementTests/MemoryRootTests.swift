import Enforcement
import Glibc
import System
import Testing

/// Where the root of the hierarchy that counts memory is taken to be.
struct MemoryRootTests {
  /// A folder that looks like a mounted hierarchy.
  private final class Hierarchy {
    let folder = "/tmp/stockade-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"

    init(_ files: [String: String]) throws {
      try Files.makeFolder(folder)
      for (name, text) in files { try Files.write(text, to: "\(folder)/\(name)") }
    }

    deinit { removeTree(folder) }

    func mount(_ type: String, _ options: String, root: String = "/") -> String {
      "31 23 0:28 \(root) \(folder) rw,relatime - \(type) \(type) \(options)\n"
    }

    var root: MemoryRoot { .at(procs: "\(folder)/cgroup.procs") }
  }

  private func isOutOfReach(_ mountInfo: String) -> Bool { MemoryRoot(mountInfo: mountInfo).problem != nil }

  @Test("of v2 it is the cgroup that has no type")
  func v2() throws {
    let files = ["cgroup.procs": "", "cgroup.controllers": "cpu memory\n"]
    let root = try Hierarchy(files)
    let namespace = try Hierarchy(files.merging(["cgroup.type": "domain\n"]) { $1 })
    #expect(MemoryRoot(mountInfo: root.mount("cgroup2", "rw")) == root.root)
    #expect(isOutOfReach(namespace.mount("cgroup2", "rw")))
    #expect(isOutOfReach(root.mount("cgroup2", "rw", root: "/../..")))
    let both = namespace.mount("cgroup2", "rw") + root.mount("cgroup2", "rw")
    #expect(MemoryRoot(mountInfo: both) == root.root)
  }

  @Test("v1's comes before v2's, and is the cgroup that has a release agent")
  func v1() throws {
    let v2 = try Hierarchy(["cgroup.procs": "", "cgroup.controllers": "memory\n"])
    let root = try Hierarchy(["release_agent": ""]), namespace = try Hierarchy(["tasks": ""])
    #expect(MemoryRoot(mountInfo: v2.mount("cgroup2", "rw") + root.mount("cgroup", "rw,memory")) == root.root)
    #expect(isOutOfReach(v2.mount("cgroup2", "rw") + namespace.mount("cgroup", "rw,memory")))
  }

  @Test("where no hierarchy counts memory nothing is limited")
  func none() throws {
    let v2 = try Hierarchy(["cgroup.procs": "", "cgroup.controllers": "cpu pids\n"])
    #expect(MemoryRoot(mountInfo: v2.mount("cgroup2", "rw")) == .notCounted)
    #expect(MemoryRoot(mountInfo: v2.mount("cgroup", "rw,pids")) == .notCounted)
    #expect(MemoryRoot(mountInfo: "") == .notCounted)
  }

  @Test("the least limit on the way to the own cgroup counts, and where it is too little nothing is loaded")
  func allowance() throws {
    let (v1, v2) = (try Hierarchy(["memory.limit_in_bytes": "16777216\n"]), try Hierarchy([:]))
    for (path, limit) in [("/a", "max"), ("/a/b", "25165824"), ("/a/b/c", "67108864")] {
      try Files.makeFolder(v2.folder + path)
      try Files.write("\(limit)\n", to: "\(v2.folder)\(path)/memory.max")
    }
    let limit = MemoryAllowance.least(below: v2.folder, path: "/a/b/c", isV2: true)
    #expect(limit == MemoryAllowance(bytes: 25_165_824, file: "\(v2.folder)/a/b/memory.max"))
    #expect(
      limit?.problem == "its cgroup lets it use 25165824 bytes of memory (\(v2.folder)/a/b/memory.max), and loading "
        + "takes 33554432; raise the limit")
    #expect(MemoryAllowance.least(below: v2.folder, path: "/a", isV2: true) == nil)
    let root = MemoryAllowance.least(below: v1.folder, path: "", isV2: false)
    #expect(root?.bytes == 16_777_216 && root?.file == "\(v1.folder)/memory.limit_in_bytes")
    #expect(MemoryAllowance(bytes: MemoryAllowance.neededBytes, file: "").problem == nil)
  }
}
