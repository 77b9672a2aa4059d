import BPF
import Glibc
import Policy
import System
import Testing

/// Which program runs, by whatever name it is started.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct ExecPathTests {
  private func worldWithDenied() throws -> (world: ExecWorld, denied: String) {
    let world = try ExecWorld()
    let denied = try world.program("denied")
    try world.apply(.section(.allow, .path(denied, .block)))
    return (world, denied)
  }

  @Test("of 200 starts of a denied program none gets to its first write")
  func denied() throws {
    let (world, denied) = try worldWithDenied()
    #expect(world.run("runs(200, '\(denied)')") == "['killed']")
  }

  @Test("of 200 starts of an allowed program none is killed")
  func allowed() throws {
    let world = try ExecWorld()
    let allowed = try world.program("allowed")
    try world.apply(.section(.block, .path(allowed, .allow)))
    #expect(world.run("runs(200, '\(allowed)')") == "['ran']")
    #expect(world.events.isEmpty)
  }

  @Test(
    "a path is what symlinks, dots and the working directory lead to",
    arguments: ["link", "folder/../denied", "./denied"])
  func resolved(_ name: String) throws {
    let (world, denied) = try worldWithDenied()
    world.run("os.symlink('\(denied)', '\(world.folder)/link')")
    world.run("os.mkdir('\(world.folder)/folder')")
    world.run("os.chdir('\(world.folder)')")
    #expect(world.start(name) == "killed")
    #expect(world.start("\(world.folder)/\(name)") == "killed")
  }

  @Test("a rule speaks of a path, not of contents: copy, hard link and new name are other programs")
  func otherNames() throws {
    let (world, denied) = try worldWithDenied()
    world.run("copy('\(denied)', '\(world.folder)/copy')")
    world.run("os.link('\(denied)', '\(world.folder)/linked')")
    #expect(world.start("\(world.folder)/copy") == "ran")
    #expect(world.start("\(world.folder)/linked") == "ran")
    world.run("os.rename('\(denied)', '\(world.folder)/moved')")
    #expect(world.start("\(world.folder)/moved") == "ran")
    world.run("os.rename('\(world.folder)/copy', '\(denied)')")
    #expect(world.start(denied) == "killed")
  }

  @Test("an allow-list stops every other name of an allowed program", arguments: ["copy", "linked", "moved"])
  func allowList(_ way: String) throws {
    let world = try ExecWorld()
    let allowed = try world.program("allowed")
    try world.apply(.section(.block, .path(allowed, .allow)))
    let other = "\(world.folder)/\(way)"
    switch way {
    case "copy": world.run("copy('\(allowed)', '\(other)')")
    case "linked": world.run("os.link('\(allowed)', '\(other)')")
    default: world.run("os.rename('\(allowed)', '\(other)')")
    }
    #expect(world.start(other) == "killed")
  }

  @Test("a shell that is allowed cannot start what is denied")
  func shell() throws {
    let (world, denied) = try worldWithDenied()
    #expect(world.start("/bin/sh", "-c", "\(denied); printf %s $?") == "137")
  }

  @Test("a script runs where its interpreter may, and not where it may not")
  func scripts() throws {
    let world = try ExecWorld()
    let shell = world.run("os.path.realpath('/bin/sh')")
    let script = "\(world.folder)/script"
    try Files.write("#!/bin/sh\nprintf ran\n", to: script, mode: 0o755)
    try world.apply(.section(.block, .path(shell, .allow)))
    #expect(world.start(script) == "ran")
    try world.apply(.section(.allow, .path(shell, .block)))
    #expect(world.start(script) == "killed")
  }

  @Test("memfd and deleted files are fileless: blocked in an allow-list whatever the rules, allowed elsewhere")
  func fileless() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    func deleted() -> String {
      world.run("copy('\(program)', '\(world.folder)/short')")
      return world.run("run_deleted('\(world.folder)/short')")
    }
    try world.apply(.section(.block, .directory("/", .allow, recursive: true, new: true)))
    #expect(world.start(program) == "ran")
    #expect(world.run("run_memory('\(program)')") == "killed")
    #expect(deleted() == "killed")
    #expect(world.events.allSatisfy { $0.reason == .fileless } && world.events.count == 2)
    try world.apply(.section(.allow))
    #expect(world.run("run_memory('\(program)')") == "ran")
    #expect(deleted() == "ran")
    try world.apply(.section(.allow, fileless: .audit))
    #expect(world.run("run_memory('\(program)')") == "ran")
    #expect(world.events.last?.effect == .audited)
  }

  @Test("a deleted file is not judged by a new file of its name")
  func deletedName() throws {
    let world = try ExecWorld()
    let allowed = try world.program("allowed")
    try world.apply(.section(.block, .path(allowed, .allow)))
    #expect(world.run("run_deleted('\(allowed)')") == "killed")
  }

  @Test("a file on a mount that was unmounted lazily is fileless")
  func detached() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.block, .directory("/", .allow, recursive: true)))
    world.run("os.mkdir('\(world.folder)/mount')")
    world.run("mount('none', '\(world.folder)/mount', 'tmpfs')")
    world.run("copy('\(program)', '\(world.folder)/mount/program')")
    #expect(world.start("\(world.folder)/mount/program") == "ran")
    world.run("file = os.open('\(world.folder)/mount/program', os.O_RDONLY)")
    world.run("unmount('\(world.folder)/mount')")
    #expect(world.run("child(lambda: os.execve(file, ['x'], {}))") == "killed")
    #expect(world.events.last?.reason == .fileless)
  }

  @Test("chroot does not forge a path: it goes up to the root of the mount namespace")
  func chroot() throws {
    let world = try ExecWorld()
    let forged = try world.program("tree/usr/bin/allowed")
    try world.apply(.section(.block, .path("/usr/bin/allowed", .allow)))
    #expect(world.run("run_below('\(world.folder)/tree', '/usr/bin/allowed')") == "killed")
    #expect(world.events.last.map { String(decoding: $0.path, as: UTF8.self) } == forged)
    try world.apply(.section(.allow, .path(forged, .block)))
    #expect(world.run("run_below('\(world.folder)/tree', '/usr/bin/allowed')") == "killed")
  }

  @Test("a path that crosses mounts is whole")
  func mounts() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    world.run("os.makedirs('\(world.folder)/a/b')")
    world.run("mount('none', '\(world.folder)/a', 'tmpfs')")
    world.run("os.mkdir('\(world.folder)/a/b')")
    world.run("bind('\(world.folder)', '\(world.folder)/a/b')")
    try world.apply(.section(.allow, .path("\(world.folder)/a/b/program", .block)))
    #expect(world.start("\(world.folder)/a/b/program") == "killed")
    #expect(world.start(program) == "ran")
  }

  @Test(
    "a path of 4096 bytes is judged by its rules, one of 4097 by the strictest directory rule", arguments: [4096, 4097])
  func overLong(_ length: Int) throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    // Deeper than PATH_MAX only by walking there.
    world.run("os.chdir('\(world.folder)')")
    var rest = length - world.folder.utf8.count
    while rest > 0 {
      // 250 bytes with the slash, and a last name of what is left, neither empty nor too long.
      let size = rest > 500 ? 250 : rest > 250 ? rest - 125 : rest
      let name = String(repeating: "d", count: size - 1)
      rest -= size
      if rest == 0 {
        world.run("copy('\(program)', '\(name)')")
      } else {
        world.run("os.mkdir('\(name)'); os.chdir('\(name)')")
      }
      if rest == 0 {
        try world.apply(.section(.allow, .directory(world.folder, .audit, recursive: true), .directory("/x", .block)))
        #expect(world.run("run('./\(name)')") == (length == 4096 ? "ran" : "killed"))
      }
    }
    let reason = length == 4096 ? EventReason.rule : .overLongPath
    #expect(world.events.map(\.reason) == [reason])
    #expect(world.events.map(\.pathIsTruncated) == [true])
  }
}
