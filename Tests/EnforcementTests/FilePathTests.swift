import CStockade
import Enforcement
import Glibc
import Policy
import System
import Testing

/// The kernel's decision about files that have no ordinary path.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct FilePathTests {
  private func answer(
    _ file: borrowing FileDescriptor, _ program: FileProgram, _ access: Set<Access> = [.read],
    _ reach: FileReach = .file
  ) throws -> String {
    guard let answer = try program.judge(file, access, reach) else { return "not judged" }
    let reasons = [STOCKADE_BY_RULE, STOCKADE_BY_DEFAULT, STOCKADE_OVER_LONG_PATH, STOCKADE_UNKNOWN_PATH]
    let names = ["rule", "default", "overLong", "unknown"]
    let reason = reasons.firstIndex { $0.rawValue == answer.reason }.map { names[$0] } ?? "-"
    return "\(answer.action.name) \(reason)"
  }

  private func program(_ defaultAction: Action, _ rules: PathRule...) throws -> FileProgram {
    let program = try FileProgram()
    var section = FileSection()
    section.defaultAction = defaultAction
    section.rules = rules
    try program.apply(section)
    return program
  }

  @Test("pipes, sockets and namespaces have no path and are not judged")
  func kernelFiles() throws {
    let program = try program(.block)
    var ends: [Int32] = [0, 0]
    try call("make a pipe") { pipe(&ends) }
    let (first, second) = (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
    #expect(try answer(first, program) == "not judged" && answer(second, program) == "not judged")
    let namespace = try FileDescriptor(open: "/proc/self/ns/mnt", O_RDONLY)
    #expect(try answer(namespace, program) == "not judged")
    let socket = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    #expect(try answer(socket, program) == "not judged")
  }

  @Test("the root is in no directory, not even in /")
  func root() throws {
    let file = try FileDescriptor(open: "/", O_RDONLY)
    #expect(try answer(file, program(.audit, .directory("/", .block, recursive: true))) == "Audit default")
  }

  @Test("memory in use is not shared with a second program, which counts that; one that is through leaves it free")
  func interrupted() throws {
    let program = try program(.block)
    let file = try FileDescriptor(open: "/", O_RDONLY)
    let before = try program.timesInterrupted()
    try program.setInterrupted(true)
    #expect(try answer(file, program) == "not judged" && answer(file, program) == "not judged")
    #expect(try program.timesInterrupted() == before + 2)
    try program.setInterrupted(false)
    for _ in 1...10 { #expect(try answer(file, program) == "Block default") }
    #expect(try program.timesInterrupted() == before + 2)
  }

  @Test("a deleted file keeps its path")
  func deleted() throws {
    let tree = try FileTree(["d/a"])
    let program = try program(.allow, .path(tree.path("d/a"), .audit), .directory(tree.path("d"), .block))
    let file = try FileDescriptor(open: tree.path("d/a"), O_RDONLY)
    #expect(unlink(tree.path("d/a")) == 0)
    #expect(try answer(file, program) == "Audit rule")
  }

  @Test("a file that was made without a name is in the folder that it was made in")
  func unnamed() throws {
    let tree = try FileTree(["d/a"])
    let program = try program(.allow, .directory(tree.path("d"), .block))
    // O_TMPFILE, whose macro Swift does not import.
    let file = try FileDescriptor(open: tree.path("d"), O_RDWR | 0o20_000_000 | O_DIRECTORY)
    #expect(try answer(file, program) == "Block rule")
  }

  @Test(
    "a folder that moves takes along what lies in it, by rules and by default",
    arguments: [
      (.file, "Allow -"), (.names, "Allow -"), (.tree, "Block default"),
    ] as [(FileReach, String)])
  func movedByDefault(_ reach: FileReach, _ expected: String) throws {
    let tree = try FileTree(["d/inner/a"])
    let file = try FileDescriptor(open: tree.path("d/inner"), O_RDONLY)
    #expect(try answer(file, program(.block, .directory(tree.path("d"), .allow)), [.write], reach) == expected)
  }

  @Test("a folder above a named file moves only with the right to that, whether the file is there or not")
  func movedAbove() throws {
    let tree = try FileTree(["d/inner/a"])
    var write = PathRule.path(tree.path("d/inner/b/c"), .block)
    write.access = [.write]
    let program = try program(.allow, write)
    for name in ["d", "d/inner"] {
      let file = try FileDescriptor(open: tree.path(name), O_RDONLY)
      #expect(try answer(file, program, [.write], .names) == "Block rule")
      #expect(try answer(file, program, [.write], .file) == "Allow -")
      #expect(try answer(file, program, [.read], .tree) == "Allow -")
    }
  }

  @Test("of the longest path a rule decides, one byte more gets the strictest action")
  func longest() throws {
    let tree = try FileTree(["d/a"])
    let program = try program(.allow, .directory(tree.path("d"), .audit, recursive: true), .path("/x", .block))
    var folder = try FileDescriptor(open: tree.path("d"), O_RDONLY | O_DIRECTORY)
    var length = tree.path("d").utf8.count
    func enter(_ bytes: Int) throws {
      let name = String(repeating: "n", count: bytes - 1)
      try call("make a folder") { mkdirat(folder.number, name, 0o755) }
      folder = FileDescriptor(owning: try call("open it") { openat(folder.number, name, O_RDONLY | O_DIRECTORY) })
      length += bytes
    }
    while 4096 - 100 - length > 255 { try enter(200) }
    try enter(4096 - 100 - length)
    func open(_ bytes: Int) throws -> FileDescriptor {
      let name = String(repeating: "f", count: bytes - 1)
      return FileDescriptor(
        owning: try call("make a file") { openat(folder.number, name, O_RDWR | O_CREAT, 0o600) })
    }
    let (fits, over) = (try open(100), try open(101))
    #expect(try answer(fits, program) == "Audit rule" && answer(over, program) == "Block overLong")
  }

  @Test("of a file on a mount that is in no namespace the strictest action of the section decides")
  func detached() throws {
    let context = FileDescriptor(owning: try call("open a tmpfs") { fsopen("tmpfs", UInt32(FSOPEN_CLOEXEC)) })
    try call("make a tmpfs") { fsconfig(context.number, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0) }
    let mount = FileDescriptor(
      owning: try call("mount a tmpfs") { fsmount(context.number, UInt32(FSMOUNT_CLOEXEC), 0) })
    #expect(try answer(mount, program(.allow, .path("/x", .audit))) == "Audit unknown")
    #expect(try answer(mount, program(.block, .path("/x", .audit))) == "Block unknown")
  }
}
