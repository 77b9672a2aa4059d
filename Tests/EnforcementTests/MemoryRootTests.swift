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
}
