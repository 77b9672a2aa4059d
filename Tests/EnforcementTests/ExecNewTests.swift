import Glibc
import Policy
import System
import Testing

/// `newExecutables`: what is of the image, where the container's root is an overlay, and what is not.
@Suite(
  .enabled(if: ExecBench.isPossible, ExecBench.why), .enabled(if: hasOverlay, "needs the kernel's overlay file system"),
  .serialized)
struct ExecNewTests {
  /// An overlay at FOLDER/root with the program /bin/image in its lower layer, inside a mount namespace of its own.
  private func overlay(_ rules: PathRule..., new: Action = .block) throws -> (world: ExecWorld, root: String) {
    let world = try ExecWorld()
    let (root, device) = world.makeOverlay(["bin/image": try world.program("program")])
    var section = ProcessSection.section(.allow, new: new)
    section.rules = rules
    try world.apply(section, rootDevice: device)
    return (world, root)
  }

  @Test("a file of the image runs")
  func image() throws {
    let (world, root) = try overlay()
    #expect(world.start("\(root)/bin/image") == "ran")
    #expect(world.run("runs(20, '\(root)/bin/image')") == "['ran']")
    #expect(world.events.isEmpty)
  }

  @Test(
    "what was written, copied up, linked or replaced since is new",
    arguments: [
      "copy(image, new)", "os.chmod(image, 0o777); new = image", "os.link(image, new)", "os.rename(image, new)",
      "copy(image, new); os.rename(new, image); new = image", "os.chown(image, 1, 1); new = image",
      "open(image, 'ab').close(); new = image",
    ])
  func changed(_ change: String) throws {
    let (world, root) = try overlay()
    world.run("image, new = '\(root)/bin/image', '\(root)/bin/new'")
    #expect(world.run(change) == "ok")
    #expect(world.run("run(new)") == "killed")
    #expect(world.events.map(\.reason) == [.newExecutables])
  }

  @Test("a file that was only opened for reading is still the image's")
  func onlyRead() throws {
    let (world, root) = try overlay()
    world.run("open('\(root)/bin/image', 'rb').read()")
    #expect(world.start("\(root)/bin/image") == "ran")
  }

  @Test("what lies on another file system is new: tmpfs, a bind mount, another overlay")
  func elsewhere() throws {
    let (world, root) = try overlay()
    for name in ["tmpfs", "bound", "overlay"] { world.run("os.mkdir('\(root)/\(name)')") }
    world.run("mount('none', '\(root)/tmpfs', 'tmpfs')")
    world.run("copy('\(world.folder)/program', '\(root)/tmpfs/program')")
    world.run("bind('\(world.folder)', '\(root)/bound')")
    world.run("os.mkdir('more'); os.mkdir('last')")
    world.run("copy('\(world.folder)/program', 'more/image')")
    #expect(world.run("mount('overlay', '\(root)/overlay', 'overlay', 0, 'lowerdir=more:last')") == "ok")
    for path in ["tmpfs/program", "bound/program", "overlay/image"] {
      #expect(world.start("\(root)/\(path)") == "killed")
    }
    #expect(world.events.allSatisfy { $0.reason == .newExecutables })
  }

  @Test("an image's file that is mounted elsewhere is still the image's")
  func boundImage() throws {
    let (world, root) = try overlay()
    world.run("open('\(world.folder)/target', 'w').close()")
    world.run("bind('\(root)/bin/image', '\(world.folder)/target')")
    #expect(world.start("\(world.folder)/target") == "ran")
  }

  @Test("only a rule with `new: true` lets a new file run, if it allows it")
  func exception() throws {
    let world = try ExecWorld()
    let a = try world.program("a"), b = try world.program("b"), c = try world.program("c/c")
    try world.apply(
      .section(
        .allow, .path(a, .allow, new: true), .path(b, .allow),
        .directory("\(world.folder)/c", .allow, recursive: true, new: true), new: .block))
    #expect([a, b, c].map { world.start($0) } == ["ran", "killed", "ran"])
    try world.apply(.section(.allow, .path(a, .block, new: true), new: .block))
    #expect(world.start(a) == "killed")
    #expect(world.events.last?.reason == .rule)
  }

  @Test("a new file can be audited")
  func audited() throws {
    let (world, root) = try overlay(new: .audit)
    world.run("copy('\(root)/bin/image', '\(root)/bin/new')")
    #expect(world.start("\(root)/bin/new") == "ran")
    #expect(world.events.map(\.effect) == [.audited])
  }

  @Test("where the root cannot tell new files, the rest of the profile holds")
  func withoutNewExecutables() throws {
    let world = try ExecWorld()
    let allowed = try world.program("allowed"), denied = try world.program("denied")
    try world.apply(.section(.block, .path(allowed, .allow), new: nil), withoutNewExecutables: true)
    #expect([allowed, denied].map { world.start($0) } == ["ran", "killed"])
    try world.apply(.section(.block, .path(allowed, .allow), new: nil))
    #expect(world.start(allowed) == "killed")
  }
}
