import BPF
import Enforcement
import Glibc
import Policy
import System
import Testing

/// The paths of files in volumes are those that the container's mounts gave them when it started.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct VolumeTests {
  /// A container with a volume at `vol`, which has the program `p` and a folder `d` with the program `q`.
  private func world() throws -> ExecWorld {
    let world = try ExecWorld()
    _ = try world.program("p")
    world.run("os.mkdir('\(world.folder)/vol')")
    world.run("mount('none', '\(world.folder)/vol', 'tmpfs')")
    world.run("os.mkdir('\(world.folder)/vol/d')")
    world.run("copy('\(world.folder)/p', '\(world.folder)/vol/p')")
    world.run("copy('\(world.folder)/p', '\(world.folder)/vol/d/q')")
    return world
  }

  @Test("a mount that the container makes gives a file no other path", arguments: [Action.block, .allow])
  func bindMount(_ action: Action) throws {
    let world = try world()
    let other: Action = action == .block ? .allow : .block
    try world.start(with: .section(other, .directory("\(world.folder)/vol/d", action)))
    world.run("os.mkdir('\(world.folder)/other')")
    world.run("bind('\(world.folder)/vol/d', '\(world.folder)/other')")
    let answer = action == .block ? "killed" : "ran"
    #expect(world.start("\(world.folder)/vol/d/q") == answer)
    #expect(world.start("\(world.folder)/other/q") == answer)
  }

  @Test("a new mount namespace, and a volume that is unmounted where it was, change nothing")
  func namespace() throws {
    let world = try world()
    try world.start(with: .section(.allow, .path("\(world.folder)/vol/p", .block)))
    world.run("os.mkdir('\(world.folder)/other')")
    world.run("unshare(0x20000)")
    world.run("bind('\(world.folder)/vol', '\(world.folder)/other')")
    world.run("unmount('\(world.folder)/vol')")
    #expect(world.start("\(world.folder)/other/p") == "killed")
    #expect(world.start("\(world.folder)/other/d/q") == "ran")
  }

  @Test("a file that two mounts reach has both paths, and the strictest verdict holds", arguments: [0, 1])
  func twoPaths(_ denied: Int) throws {
    let world = try world()
    world.run("os.mkdir('\(world.folder)/second')")
    world.run("bind('\(world.folder)/vol/d', '\(world.folder)/second')")
    let paths = ["\(world.folder)/vol/d/q", "\(world.folder)/second/q"]
    try world.start(with: .section(.allow, .path(paths[denied], .block), .path(paths[1 - denied], .allow)))
    #expect(paths.map { world.start($0) } == ["killed", "killed"])
    #expect(world.events.allSatisfy { $0.path == Array(paths[denied].utf8) })
  }

  @Test("one volume that is mounted twice has both mount points' rules")
  func mountedTwice() throws {
    let world = try world()
    world.run("os.mkdir('\(world.folder)/second')")
    world.run("bind('\(world.folder)/vol', '\(world.folder)/second')")
    try world.start(with: .section(.block, .directory("\(world.folder)/vol", .allow, recursive: true)))
    #expect(world.start("\(world.folder)/vol/p") == "killed")
    try world.start(
      with: .section(
        .block, .directory("\(world.folder)/vol", .allow, recursive: true),
        .directory("\(world.folder)/second", .allow, recursive: true)))
    #expect(world.start("\(world.folder)/vol/p") == "ran")
  }

  @Test(
    "a file of a mount that came later has no path: the section's strictest action", arguments: [Action.block, .allow])
  func laterMount(_ action: Action) throws {
    let world = try world()
    try world.start(with: .section(.allow, .path("/nowhere", action)))
    world.run("os.mkdir('\(world.folder)/later')")
    world.run("mount('none', '\(world.folder)/later', 'tmpfs')")
    world.run("copy('\(world.folder)/p', '\(world.folder)/later/p')")
    #expect(world.start("\(world.folder)/later/p") == (action == .block ? "killed" : "ran"))
    #expect(world.events.map(\.reason) == (action == .block ? [.unknownPath] : []))
  }

  @Test("the folder that a time names is no part of a path in a volume of the kubelet's, and of no other")
  func atomic() throws {
    let world = try world()
    let time = "..2026_11_28_10_00_00.123"
    for folder in [time, "d/\(time)", "..data_of_mine"] {
      world.run("os.mkdir('\(world.folder)/vol/\(folder)')")
      world.run("copy('\(world.folder)/p', '\(world.folder)/vol/\(folder)/token')")
    }
    let rule = ProcessSection.section(.allow, .path("\(world.folder)/vol/token", .block))
    try world.start(with: rule, atomic: ["\(world.folder)/vol"])
    #expect(world.start("\(world.folder)/vol/\(time)/token") == "killed")
    #expect(world.start("\(world.folder)/vol/d/\(time)/token") == "ran")
    #expect(world.start("\(world.folder)/vol/..data_of_mine/token") == "ran")
    try world.start(with: rule)
    #expect(world.start("\(world.folder)/vol/\(time)/token") == "ran")
  }

  @Test("the runtime is told of a volume by a path that may lead through links")
  func atomicBehindLink() throws {
    let world = try world()
    world.run("os.symlink('vol', '\(world.folder)/link')")
    world.run("os.mkdir('\(world.folder)/vol/..2026_1')")
    world.run("copy('\(world.folder)/p', '\(world.folder)/vol/..2026_1/token')")
    try world.start(
      with: .section(.allow, .path("\(world.folder)/vol/token", .block)), atomic: ["\(world.folder)/link"])
    #expect(world.start("\(world.folder)/vol/..2026_1/token") == "killed")
  }

  @Test("rules about the directory hold for what the kubelet writes, also without `recursive`")
  func atomicDirectory() throws {
    let world = try world()
    world.run("os.mkdir('\(world.folder)/vol/..2026_1')")
    world.run("copy('\(world.folder)/p', '\(world.folder)/vol/..2026_1/token')")
    try world.start(
      with: .section(.allow, .directory("\(world.folder)/vol", .block)), atomic: ["\(world.folder)/vol"])
    #expect(world.start("\(world.folder)/vol/..2026_1/token") == "killed")
  }

  @Test("a container whose mounts are lost executes nothing but what every rule allows")
  func lost() throws {
    let world = try world()
    try world.apply(.section(.allow, .path("/nowhere", .block)))
    try world.enter(hasVolumes: true)
    #expect(world.start("\(world.folder)/p") == "killed")
  }

  @Test("a file with more paths than are looked at has none")
  func manyPaths() throws {
    let world = try world()
    for number in 1...4 {
      world.run("os.mkdir('\(world.folder)/m\(number)')")
      world.run("bind('\(world.folder)/vol', '\(world.folder)/m\(number)')")
    }
    try world.start(with: .section(.allow, .path("/nowhere", .block)))
    #expect(world.start("\(world.folder)/vol/p") == "killed")
    #expect(world.events.map(\.reason) == [.unknownPath])
  }

  @Test("names above a volume's root, however long they are, take no rule away")
  func overLongAbove() throws {
    let world = try world()
    world.run("os.mkdir('\(world.folder)/short')")
    world.run("bind('\(world.folder)/vol/d', '\(world.folder)/short')")
    try world.start(with: .section(.allow, .path("\(world.folder)/short/q", .block)))
    world.run("os.chdir('\(world.folder)/vol')")
    for _ in 1...17 { world.run("os.mkdir('n' * 255) or os.chdir('n' * 255)") }
    world.run("os.rename('\(world.folder)/vol/d', 'd')")
    #expect(world.start("\(world.folder)/short/q") == "killed")
  }

  @Test("what the runtime names is noted before other mounts")
  func namedFirst() throws {
    let world = try world()
    for number in 0..<Volume.maximumCount {
      world.run("os.mkdir('\(world.folder)/m\(number)')")
      world.run("bind('\(world.folder)/vol', '\(world.folder)/m\(number)')")
    }
    let last = "\(world.folder)/m\(Volume.maximumCount - 1)"
    let named = [ContainerVolumes.Named(destination: last, isAtomic: false)]
    let found = try world.volumes(named: named)
    #expect(found.volumes.contains { $0.mountPoint == last } && !found.pathless.contains(last))
    #expect(!found.pathless.isEmpty)
  }

  @Test("mounts over the limits are told, and their files have no path")
  func limits() throws {
    let world = try world()
    let long = "\(world.folder)/" + String(repeating: "l", count: 200) + "/" + String(repeating: "l", count: 60)
    world.run("os.makedirs('\(long)')")
    world.run("bind('\(world.folder)/vol', '\(long)')")
    let found = try world.volumes()
    #expect(found.pathless == [long])
    for number in 0..<Volume.maximumCount {
      world.run("os.mkdir('\(world.folder)/m\(number)')")
      world.run("bind('\(world.folder)/vol', '\(world.folder)/m\(number)')")
    }
    let many = try world.volumes()
    #expect(many.volumes.count <= Volume.maximumCount && many.pathless.count > 1)
    #expect(many.volumes.map(\.mountPoint.utf8.count).reduce(0, +) <= Volume.mountPointsMaximumBytes)
  }

  @Test("what covers a mount counts, and what is covered does not")
  func covered() throws {
    let world = try world()
    world.run("mount('none', '\(world.folder)/vol', 'tmpfs')")
    world.run("copy('\(world.folder)/p', '\(world.folder)/vol/p')")
    try world.start(with: .section(.allow, .path("\(world.folder)/vol/p", .block)))
    #expect(world.start("\(world.folder)/vol/p") == "killed")
    world.run("unmount('\(world.folder)/vol')")
    // The volume below it was no part of the container's view. So its files have no path.
    #expect(world.start("\(world.folder)/vol/d/q") == "killed")
  }
}

extension ExecWorld {
  func volumes(named: [ContainerVolumes.Named] = []) throws -> ContainerVolumes {
    let pid = UInt32(actor.processID)
    let mounts = MountInfo.all(in: try Files.text("/proc/\(pid)/mountinfo"))
    return try ContainerVolumes(pid: pid, mounts: mounts, rootDevice: 0, named: named)
  }

  /// As a container that starts now, with the mounts that it has now.
  func start(with section: ProcessSection, atomic: Set<String> = []) throws {
    try apply(section)
    let found = try volumes(named: atomic.map { ContainerVolumes.Named(destination: $0, isAtomic: true) })
    try bench.policy.setVolumes(cgroupID, found.volumes)
    try enter(hasVolumes: true)
  }
}
