import BPF
import CStockade
import Glibc
import Policy
import System
import Testing

/// What each kind of rule decides, and what is reported of it.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct ExecRuleTests {
  @Test("a directory means what lies directly in it, recursive everything below")
  func directories() throws {
    let world = try ExecWorld()
    let direct = try world.program("dir/direct"), deep = try world.program("dir/inner/deep")
    let sibling = try world.program("directory")
    try world.apply(.section(.allow, .directory("\(world.folder)/dir", .block)))
    #expect([direct, deep, sibling].map { world.start($0) } == ["killed", "ran", "ran"])
    try world.apply(.section(.allow, .directory("\(world.folder)/dir", .block, recursive: true)))
    #expect([direct, deep, sibling].map { world.start($0) } == ["killed", "killed", "ran"])
  }

  @Test("an exact path comes before its directory, and the longest directory before shorter ones")
  func specific() throws {
    let world = try ExecWorld()
    let exact = try world.program("a/exact"), inA = try world.program("a/other"), inB = try world.program("a/b/other")
    try world.apply(
      .section(
        .block, .directory("/", .allow, recursive: true), .directory("\(world.folder)/a", .block, recursive: true),
        .directory("\(world.folder)/a/b/", .allow, recursive: true), .path(exact, .allow)))
    let outside = try world.program("outside")
    #expect([exact, inA, inB, outside].map { world.start($0) } == ["ran", "killed", "ran", "ran"])
  }

  @Test("of equal rules Block wins over Audit, and Audit over Allow")
  func equals() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.block, .path(program, .allow), .path(program, .audit)))
    #expect(world.start(program) == "ran")
    #expect(world.events.map(\.rule) == [1])
    try world.apply(.section(.allow, .path(program, .allow), .path(program, .audit), .path(program, .block)))
    #expect(world.start(program) == "killed")
    #expect(world.events.last?.rule == 2)
  }

  @Test("a rule's path of 512 bytes is enforced")
  func longestRule() throws {
    let world = try ExecWorld()
    let first = String(repeating: "a", count: 200)
    let rest = 512 - world.folder.utf8.count - 2 * 201 - 1
    let name = "\(first)/\(first)/" + String(repeating: "b", count: rest)
    let program = try world.program(name)
    #expect(program.utf8.count == 512)
    try world.apply(.section(.allow, .path(program, .block)))
    #expect(world.start(program) == "killed")
    let longer = try world.program("\(name)b")
    #expect(world.start(longer) == "ran")
  }

  @Test(
    "an argument rule finds its text",
    arguments: [
      (ArgumentRule(kind: .contains, text: "evil", index: nil, action: .block), ["an evil one"], true),
      (ArgumentRule(kind: .contains, text: "evil", index: nil, action: .block), ["ev", "il"], false),
      (ArgumentRule(kind: .contains, text: "evil", index: 2, action: .block), ["evil", "good"], false),
      (ArgumentRule(kind: .contains, text: "evil", index: 2, action: .block), ["good", "xevil"], true),
      (ArgumentRule(kind: .equals, text: "-e", index: nil, action: .block), ["-e"], true),
      (ArgumentRule(kind: .equals, text: "-e", index: nil, action: .block), ["-ex", "x-e"], false),
      (ArgumentRule(kind: .prefix, text: "--eval", index: nil, action: .block), ["a", "--evaluate"], true),
      (ArgumentRule(kind: .prefix, text: "--eval", index: nil, action: .block), ["x--eval", "--eva"], false),
      (ArgumentRule(kind: .prefix, text: "/", index: 0, action: .block), [], true),
      (ArgumentRule(kind: .equals, text: "x", index: 1, action: .block), ["", "x"], false),
      (ArgumentRule(kind: .equals, text: "x", index: 2, action: .block), ["", "x"], true),
      (
        ArgumentRule(kind: .contains, text: String(repeating: "y", count: 128), index: nil, action: .block),
        [String(repeating: "y", count: 127), "x" + String(repeating: "y", count: 128)], true
      ),
      (
        ArgumentRule(kind: .equals, text: String(repeating: "y", count: 128), index: nil, action: .block),
        [String(repeating: "y", count: 129)], false
      ),
    ] as [(ArgumentRule, [String], Bool)])
  func argument(_ rule: ArgumentRule, _ words: [String], _ isKilled: Bool) throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.block, .path(program, .allow, rule)))
    let list = ([program] + words).map { "'\($0)'" }.joined(separator: ", ")
    let answer = world.run("child(lambda: os.execv('\(program)', [\(list)]))")
    #expect(answer == (isKilled ? "killed" : "ran"))
    if isKilled { #expect(world.events.last?.reason == .argument) }
  }

  @Test("the first argument rule that matches decides, and none: the path rule")
  func argumentOrder() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(
      .section(
        .allow,
        .path(
          program, .block, ArgumentRule(kind: .equals, text: "safe", index: 1, action: .allow),
          ArgumentRule(kind: .prefix, text: "s", index: 1, action: .audit))))
    func run(_ word: String) -> String { world.run("child(lambda: os.execv('\(program)', ['p', '\(word)']))") }
    #expect(run("safe") == "ran")
    #expect(world.events.isEmpty)
    #expect(run("some") == "ran")
    #expect(world.events.last?.argument == 1)
    #expect(run("other") == "killed")
    #expect(world.events.last?.reason == .rule)
  }

  @Test(
    "4096 bytes of arguments are looked at whole; one more counts as a match of Block rules", arguments: [4096, 4097])
  func overLongArguments(_ length: Int) throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(
      .section(
        .block, .path(program, .allow, ArgumentRule(kind: .equals, text: "never", index: nil, action: .block))))
    // Two NULs and `p`.
    let answer = world.run("child(lambda: os.execv('\(program)', ['p', 'w' * \(length - 3)]))")
    #expect(answer == (length == 4096 ? "ran" : "killed"))
    #expect(world.events.map(\.reason) == (length == 4096 ? [] : [.overLongArguments]))
  }

  @Test("what matches in the last bytes that are looked at is found")
  func lastBytes() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(
      .section(.block, .path(program, .allow, ArgumentRule(kind: .contains, text: "end", index: nil, action: .block))))
    let answer = world.run("child(lambda: os.execv('\(program)', ['p', 'w' * \(4096 - 6) + 'end']))")
    #expect(answer == "killed")
    #expect(world.events.last?.reason == .argument)
  }

  @Test("an event says who, what, why and by which rule")
  func event() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.allow, .path("/other", .allow), .path(program, .block)))
    let parent = world.run("os.getpid()")
    #expect(world.start(program, "two words", "", "last") == "killed")
    let event = try #require(world.events.first)
    #expect(world.events.count == 1)
    #expect(event.path == Array(program.utf8))
    #expect(event.arguments == [program, "two words", "", "last"].map { Array($0.utf8) })
    #expect(event.kind == .exec && event.effect == .killed)
    #expect(event.reason == .rule && event.rule == 1)
    let process = try #require(event.process)
    #expect(event.revision == world.revision && process.uid == 0)
    #expect("\(process.parentPID)" == parent && process.pid != process.parentPID)
    #expect(!event.pathIsTruncated && !event.argumentsAreTruncated)
  }

  @Test("what no rule names is decided by the default, and says so", arguments: Action.allCases)
  func byDefault(_ action: Action) throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(action))
    #expect(world.start(program) == (action == .block ? "killed" : "ran"))
    #expect(world.events.map(\.reason) == (action == .allow ? [] : [.defaultAction]))
    #expect(world.events.allSatisfy { $0.rule == nil })
  }

  @Test("in mode Audit nothing is killed and everything that Enforce would kill is reported")
  func audit() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.block, .path(program, .block), fileless: .block), mode: .audit)
    #expect(world.start(program) == "ran")
    #expect(world.run("run_memory('\(program)')") == "ran")
    #expect(world.start("/bin/true") == "exit 0")
    #expect(
      world.events.map(\.reason) == [.rule, .fileless, .defaultAction])
    #expect(world.events.allSatisfy { $0.effect == .audited })
  }

  @Test("a container's events beyond its rate are counted, not sent")
  func rate() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.block))
    let dropped = KernelCounter.eventsDroppedRate
    let before = try world.bench.policy.counters()[dropped]
    let count = Int(STOCKADE_EVENTS_BURST) * 2
    #expect(world.run("runs(\(count), '\(program)')") == "['killed']")
    let sent = world.events.count
    #expect(sent >= Int(STOCKADE_EVENTS_BURST))
    // Of other containers none exceeds its rate meanwhile.
    #expect(try world.bench.policy.counters()[dropped] - before == UInt64(count - sent))
  }
}
