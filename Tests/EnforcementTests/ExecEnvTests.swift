import BPF
import Enforcement
import Glibc
import Policy
import PolicyTesting
import System
import Testing

/// `allowEntrypoint`, where the entrypoint is a script that begins with `#!/usr/bin/env`.
@Suite(
  .enabled(if: ExecBench.isPossible, ExecBench.why), .enabled(if: hasOverlay, "needs the kernel's overlay file system"),
  .serialized)
struct ExecEnvTests {
  /// A container whose image has env, a shell, the test program at /opt/x, and a script at /opt/entry.
  private struct Image {
    let world: ExecWorld
    let root: String
    let device: UInt32

    init(script: String, _ bench: ExecBench? = nil) throws {
      world = try ExecWorld(bench)
      let program = try world.program("program")
      for (name, text) in [("entry", script), ("wrapper", "#!/opt/x\n")] {
        try Files.write(text, to: "\(world.folder)/\(name)", mode: 0o755)
      }
      (root, device) = world.makeOverlay([
        "usr/bin/env": "/usr/bin/env", "opt/tool": "/usr/bin/env", "bin/sh": "/bin/sh", "opt/x": program,
        "opt/entry": "\(world.folder)/entry", "opt/wrapper": "\(world.folder)/wrapper",
        "lib/none": "/etc/passwd", "lib64/none": "/etc/passwd", "new/none": "/etc/passwd",
      ])
      for folder in ["lib", "lib64"] {
        world.run("os.path.exists('/\(folder)') and bind('/\(folder)', '\(root)/\(folder)')")
      }
      world.run("mount('none', '\(root)/new', 'tmpfs')")
      world.run("copy('\(program)', '\(root)/new/x')")
      world.run("init = Sleeper('\(root)')")
    }

    func apply(_ section: ProcessSection) throws {
      let start = world.run("open(f'/proc/{init.pid}/stat').read().rsplit(')')[1].split()[19]")
      try world.bench.policy.setEntrypoint(
        world.cgroupID,
        ProcessIdentity(pid: UInt32(world.run("init.pid"))!, startTicks: UInt64(start)!))
      try world.apply(section, rootDevice: device)
    }

    /// What becomes of the container's first process.
    func start(_ command: String = "/opt/entry") -> String { world.run("init.exec('\(command)')") }
    var killed: [String] { world.events.map { String(decoding: $0.path, as: UTF8.self) } }
  }

  private static let onlyEntrypoint = ProcessSection.section(.block, allowEntrypoint: true)

  @Test(
    "what the image's env starts runs as if it were the entrypoint",
    arguments: [
      "#!/usr/bin/env /opt/x\n", "#!/usr/bin/env -S /opt/x word\n", "#!/usr/bin/env -S -i A=b /opt/x\n",
      "#!/usr/bin/env /bin/sh\nexit 0\n",
    ])
  func started(_ script: String) throws {
    let image = try Image(script: script)
    try image.apply(Self.onlyEntrypoint)
    #expect(image.start() == (script.contains("/bin/sh") ? "exit 0" : "ran"))
    #expect(image.killed.isEmpty)
  }

  @Test(
    "one exec more, of a file of the image, and only for the image's env itself",
    arguments: [
      // The second env is what the first one starts.
      ("#!/usr/bin/env -S /usr/bin/env /opt/x\n", "/opt/x"),
      ("#!/usr/bin/env /bin/sh\nexec /opt/x\n", "/opt/x"),
      ("#!/usr/bin/env /new/x\n", "/new/x"),
      // Nothing tells whether the script is of the image: only its interpreter is seen.
      ("#!/usr/bin/env /opt/wrapper\n", "/opt/x"),
      ("#!/opt/tool /opt/x\n", "/opt/x"),
      ("#!/opt/link /opt/x\n", "/opt/x"),
      ("#!/bin/sh\nexec /usr/bin/env /opt/x\n", "/usr/bin/env"),
    ])
  func killed(_ script: String, _ path: String) throws {
    let image = try Image(script: script)
    image.world.run("os.symlink('/usr/bin/env', '\(image.root)/opt/link')")
    try image.apply(Self.onlyEntrypoint)
    #expect(image.start() == "killed")
    #expect(image.killed.count == 1 && image.killed[0].hasSuffix(path))
  }

  @Test("what env started starts nothing: neither a child nor itself")
  func child() throws {
    let image = try Image(script: "#!/usr/bin/env /bin/sh\n/opt/x\n/opt/x\nexit 3\n")
    try image.apply(Self.onlyEntrypoint)
    #expect(image.start() == "exit 3")
    #expect(image.killed == ["/opt/x", "/opt/x"])
  }

  @Test("an env that is the entrypoint itself, and one that another process runs, start nothing")
  func withoutScript() throws {
    var image = try Image(script: "#!/usr/bin/env /opt/x\n")
    try image.apply(Self.onlyEntrypoint)
    #expect(image.start("/usr/bin/env /opt/x") == "killed")
    image = try Image(script: "#!/usr/bin/env /opt/x\n")
    image.world.run("other = Sleeper('\(image.root)')")
    try image.apply(.section(.block, .path("/usr/bin/env", .allow), allowEntrypoint: true))
    #expect(image.world.run("other.exec('/opt/entry')") == "killed")
    #expect(image.start() == "ran", "a rule that allows env takes nothing away")
  }

  @Test("an env that was changed starts nothing")
  func changedEnv() throws {
    let image = try Image(script: "#!/usr/bin/env /opt/x\n")
    image.world.run("os.chmod('\(image.root)/usr/bin/env', 0o777)")
    try image.apply(Self.onlyEntrypoint)
    #expect(image.start() == "killed")
  }

  @Test("a rule that blocks wins, and without allowEntrypoint there is no exception")
  func rules() throws {
    var image = try Image(script: "#!/usr/bin/env /opt/x\n")
    try image.apply(.section(.block, .path("/opt/x", .block), allowEntrypoint: true))
    #expect(image.start() == "killed")
    image = try Image(script: "#!/usr/bin/env /opt/x\n")
    try image.apply(.section(.block, .path("/usr/bin/env", .allow)))
    #expect(image.start() == "killed")
  }

  @Test("an env that was judged on its way back to the user starts nothing: nothing tells that it was a script's")
  func judgedLate() throws {
    let image = try Image(
      script: "#!/usr/bin/env /opt/x\n", try ExecBench(judging: { try $0.judgeReturns() }))
    // That program also judges what the actor executes.
    try image.apply(.section(.block, .path(image.world.interpreter, .allow), allowEntrypoint: true))
    #expect(image.start() == "killed")
    #expect(image.killed == ["/opt/x"])
  }
}
