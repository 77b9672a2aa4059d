import Enforcement
import Glibc
import Policy
import System
import Testing

/// A tree of an image, which goes with the value.
private final class Tree {
  let path = "/tmp/stockade-root-\(UInt64.random(in: 0...UInt64.max))"

  init() throws {
    for folder in ["usr/bin", "usr/lib", "etc", "dev"] { try Files.makeFolder("\(path)/\(folder)") }
    for (name, mode) in [("usr/bin/id", 0o755), ("etc/passwd", 0o644), ("usr/lib/libc.so.6", 0o644)]
      as [(String, mode_t)]
    {
      try Files.write("x", to: "\(path)/\(name)", mode: mode)
    }
    mkfifo("\(path)/etc/pipe", 0o600)
    symlink("usr/bin", "\(path)/bin")
    symlink("/usr/bin/id", "\(path)/etc/id")
    symlink("../../../../../../etc/hostname", "\(path)/etc/out")
    symlink("loop", "\(path)/loop")
  }

  deinit { removeTree(path) }
}

@Suite struct RootViewTests {
  @Test(
    "a path is looked up in the image's tree, and no link leads out of it",
    arguments: [
      ("/", .folder), ("/usr/bin", .folder), ("/bin", .folder), ("/usr/bin/id", .file(isProgram: true)),
      ("/bin/id", .file(isProgram: true)), ("/etc/id", .file(isProgram: true)),
      ("/etc/passwd", .file(isProgram: false)), ("/usr/lib/libc.so.6", .file(isProgram: true)),
      ("/etc/pipe", .special), ("/etc/out", .missing), ("/etc/none", .missing), ("/none/none/none", .missing),
      ("/etc/passwd/x", .belowFile("/etc/passwd")), ("/etc/passwd/x/y", .belowFile("/etc/passwd")),
      ("/loop", .missing), ("/dev/shm/x", .onMount("/dev", type: "tmpfs")), ("/device", .missing),
    ] as [(String, PathFacts)])
  func facts(path: String, expected: PathFacts) throws {
    let tree = try Tree()
    #expect(try RootView(folder: tree.path).facts(path) == expected)
    withExtendedLifetime(tree) {}
  }

  @Test("a root that is no overlay is not looked at, since a server may be behind it")
  func noOverlay() throws {
    let type = MountInfo.all(in: try Files.text("/proc/self/mountinfo")).last { $0.point == "/" }?.type
    #expect((try RootView(pid: UInt32(getpid())) == nil) == (type != "overlay"))
  }

  @Test("as many rules as two sections have are looked up within the time that one container gets")
  func many() throws {
    let tree = try Tree()
    let view = try RootView(folder: tree.path)
    let time = ContinuousClock().measure {
      for index in 0..<2 * PathRuleParser.rulesMax { _ = view.facts("/usr/lib/none/\(index)") }
    }
    withExtendedLifetime(tree) {}
    #expect(time < .milliseconds(500))
  }
}
