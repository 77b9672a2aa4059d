import Glibc
import System
import Testing

@testable import Enforcement

private let cgroupRoot: String? =
  getuid() != 0 ? nil : ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first { Files.exists($0 + "/cgroup.procs") }

@Suite("cgroups that are watched", .enabled(if: cgroupRoot != nil, "needs root and cgroup v2"), .timeLimit(.minutes(1)))
struct CgroupWatchTests {
  private static let settled: UInt32 = 20_000
  private let watch = CgroupWatch(settled: .microseconds(settled))

  private func isRemembered(_ cgroup: Cgroup) -> Bool {
    if !watch.isInUse(cgroup) || watch.knownInUse.contains(cgroup.id) { return false }
    usleep(Self.settled)
    return watch.isInUse(cgroup) && watch.knownInUse.contains(cgroup.id) && watch.isInUse(cgroup)
  }

  private func scratch() throws -> ScratchCgroup {
    try ScratchCgroup(in: try #require(cgroupRoot), kind: "stockade-test-watch-\(UInt64.random(in: 0...UInt64.max))")
  }

  /// The kernel tells of a change up to 10 ms later.
  private func becomesUnused(_ cgroup: Cgroup) -> Bool {
    for _ in 0..<500 {
      if !watch.isInUse(cgroup) { return true }
      usleep(10_000)
    }
    return false
  }

  @Test("a cgroup is in use while a process is in it or below it, however often it comes and goes")
  func life() throws {
    let scratch = try scratch()
    let cgroup = try Cgroup(directory: scratch.path)
    let inner = scratch.path + "/inner"
    try Files.makeFolder(inner)
    defer { rmdir(inner) }
    #expect(!watch.isInUse(cgroup))
    for place in [scratch.path, inner, scratch.path] {
      #expect(!watch.knownInUse.contains(cgroup.id))
      let child = try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
      try Files.write("\(child)", to: place + "/cgroup.procs")
      #expect(isRemembered(cgroup))
      kill(child, SIGKILL)
      waitpid(child, nil, 0)
      #expect(becomesUnused(cgroup))
    }
  }

  @Test("a cgroup that is gone is not in use, nor is another one of its name taken for it")
  func gone() throws {
    let scratch = try scratch()
    let path = scratch.path + "/container"
    try Files.makeFolder(path)
    let cgroup = try Cgroup(directory: path)
    let first = try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
    try Files.write("\(first)", to: path + "/cgroup.procs")
    #expect(isRemembered(cgroup))
    kill(first, SIGKILL)
    waitpid(first, nil, 0)
    while rmdir(path) == -1, errno == EBUSY { usleep(1000) }
    try Files.makeFolder(path)
    defer { rmdir(path) }
    let second = try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
    try Files.write("\(second)", to: path + "/cgroup.procs")
    let other = try Cgroup(directory: path)
    #expect(other.id != cgroup.id)
    #expect(becomesUnused(cgroup))
    #expect(isRemembered(other))
    #expect(!watch.isInUse(cgroup))
    kill(second, SIGKILL)
    waitpid(second, nil, 0)
    #expect(becomesUnused(other))
  }
}
