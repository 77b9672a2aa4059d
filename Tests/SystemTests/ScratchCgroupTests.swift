import Glibc
import Testing

@testable import System

private let cgroupRoot: String? =
  getuid() != 0 ? nil : ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first { Files.exists($0 + "/cgroup.procs") }

@Suite("scratch cgroups", .enabled(if: cgroupRoot != nil, "needs root and cgroup v2"))
struct ScratchCgroupTests {
  private let kind = "stockade-test-scratch-\(UInt64.random(in: 0...UInt64.max))"

  private var names: [String] { (try? Files.names(in: cgroupRoot!).filter { $0.hasPrefix(kind) }) ?? [] }

  @Test("what a killed process left goes with the next one, with what runs in it; what is in use stays")
  func left() throws {
    let root = try #require(cgroupRoot)
    let child = try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
    // Its number is in use again.
    let left = ScratchCgroup.path(in: root, kind: kind, of: child)
    try Files.makeFolder(left)
    try Files.write("\(child)", to: left + "/cgroup.procs")
    do {
      let cgroup = try ScratchCgroup(in: root, kind: kind)
      #expect(names.count == 1)
      #expect(names.first?.hasPrefix("\(kind)-locked-\(getpid())-") == true)
      #expect(cgroup.id == UInt64(try Files.status(cgroup.path).st_ino))
      ScratchCgroup.removeLeft(in: root, kind: kind)
      #expect(names.count == 1, "it is locked")
    }
    #expect(names.isEmpty)
    var status: Int32 = 0
    waitpid(child, &status, 0)
    #expect(status & 0x7f == SIGKILL)
  }

  @Test("one that an older version has without a lock stays as long as its process is there")
  func unlocked() throws {
    let root = try #require(cgroupRoot)
    let child = try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
    let path = "\(root)/\(kind)-\(child)"
    try Files.makeFolder(path)
    ScratchCgroup.removeLeft(in: root, kind: kind)
    #expect(names == ["\(kind)-\(child)"])
    kill(child, SIGKILL)
    waitpid(child, nil, 0)
    ScratchCgroup.removeLeft(in: root, kind: kind)
    #expect(names.isEmpty)
  }

  @Test("two of one process are two, and the end of one leaves the other")
  func two() throws {
    let root = try #require(cgroupRoot)
    let first = try ScratchCgroup(in: root, kind: kind)
    do {
      let second = try ScratchCgroup(in: root, kind: kind)
      #expect(second.id != first.id)
    }
    #expect(UInt64(try Files.status(first.path).st_ino) == first.id)
  }

  @Test("many at once take nothing from each other")
  func atOnce() async throws {
    let root = try #require(cgroupRoot)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { [kind] in
          (0..<50).allSatisfy { _ in
            guard let cgroup = try? ScratchCgroup(in: root, kind: kind) else { return false }
            return (try? Files.status(cgroup.path).st_ino).map(UInt64.init) == cgroup.id
          }
        }
      }
      for await isFine in group { #expect(isFine) }
    }
    #expect(names.isEmpty)
  }
}
