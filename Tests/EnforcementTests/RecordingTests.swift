import BPF
import Compilation
import Glibc
import Policy
import PolicyTesting
import Seccomp
import System
import Testing

/// A recorded container: what the kernel tells once, counts and loses.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized) struct RecordingTests {
  private let world: ExecWorld
  private var recordings: Recordings { world.bench.policy.recordings }

  init() throws { try self.init(nil) }

  /// - Parameter bench: nil: the one that all share, whose events others read too.
  private init(_ bench: ExecBench?) throws { world = try ExecWorld(bench) }

  /// Records the container, which the section says of what it may.
  private func record(
    _ process: ProcessSection = ProcessSection(), withArguments: Bool = false, limit: Int = Recordings.factsMaximum
  ) throws {
    var profile = Profile(name: "test", file: "test.yaml")
    profile.process = process
    try world.apply(profile, isRecorded: true)
    try recordings.begin(world.cgroupID, withArguments: withArguments, limit: limit)
  }

  private func take() throws -> RecordingCounts { try #require(try recordings.take(world.cgroupID)) }

  private func count(_ event: KernelEvent?, _ counts: RecordingCounts) -> UInt64? {
    event?.recordedAs.flatMap { counts.facts[$0] }
  }

  /// Executes so many names of one program, each of which has so many bytes.
  private func runNames(_ count: Int, bytes: Int = 8, of path: String) -> String {
    let folder = "\(world.folder)/names"
    let depth = bytes / 200
    let lines = [
      "import os", "deep = '\(folder)' + ('/' + 'd' * 199) * \(depth)", "os.makedirs(deep, exist_ok=True)",
      "names = [deep + '/%04d' % n for n in range(\(count))]",
      "[os.path.exists(name) or os.link('\(path)', name) for name in names]",
    ]
    for line in lines { world.run("exec(\"\"\"\(line)\"\"\", globals())") }
    return world.run("sorted(set(run(name) for name in names))")
  }

  @Test("many execs of one program are one event, and all are counted")
  func once() throws {
    let path = try world.program("a")
    try record()
    #expect(world.run("runs(2000, '\(path)')") == "['ran']")
    let events = world.events
    #expect(events.count == 1 && events.first?.path == Array(path.utf8) && events.first?.effect == .audited)
    let counts = try take()
    #expect(count(events.first, counts) == 2000)
    #expect(counts.lost == 0 && counts.facts.count == 1)
  }

  @Test("more different programs than an event rate allows are all told")
  func noRate() throws {
    let path = try world.program("a")
    try record()
    #expect(runNames(600, of: path) == "['ran']")
    let counts = try take()
    #expect(Set(world.events.map(\.path)).count == 600)
    #expect(counts.lost == 0 && counts.facts.count == 600)
  }

  @Test("what does not fit the ring buffer is counted, and told when it is done again")
  func lost() throws { try RecordingTests(ExecBench()).loseSome() }

  private func loseSome() throws {
    let path = try world.program("a")
    try record()
    var lost: UInt64 = 0
    for _ in 0..<4 {
      #expect(runNames(400, bytes: 1800, of: path) == "['ran']")
      // Reading makes room.
      lost += UInt64(400 - world.events.count)
    }
    let counts = try take()
    #expect(lost > 0 && counts.lost == lost)
    #expect(try world.bench.policy.counters()[.eventsDroppedFull] == lost)
    #expect(Set(world.events.map(\.path)).count == 400 && world.events.count == 400)
  }

  @Test("a full recording tells each time what it cannot remember, and loses nothing")
  func full() throws {
    let path = try world.program("a")
    // One is the count of what was lost.
    try record(limit: 4)
    for _ in 0..<3 { #expect(runNames(6, of: path) == "['ran']") }
    let counts = try take()
    #expect(counts.facts.count == 3 && counts.facts.values.allSatisfy { $0 == 3 })
    #expect(Set(world.events.map(\.path)).count == 6 && world.events.count == 3 + 3 * 3)
    #expect(counts.lost == 0)
  }

  @Test("what a full recording cannot remember is limited like other events, and the recording is not whole then")
  func fullRate() throws {
    let path = try world.program("a")
    try record(limit: 2)
    #expect(runNames(1000, of: path) == "['ran']")
    let counts = try take()
    #expect(counts.lost > 0 && world.events.count < 1000)
    #expect(UInt64(world.events.count) + counts.lost == 1000)
  }

  @Test("recorded containers leave half of the buffer to others")
  func room() throws { try RecordingTests(ExecBench()).leaveRoom() }

  private func leaveRoom() throws {
    let other = try ExecWorld(world.bench)
    let (path, denied) = (try world.program("a"), try other.program("b"))
    try record()
    #expect(runNames(400, bytes: 1800, of: path) == "['ran']")
    #expect(try world.bench.policy.counters()[.eventsDroppedFull] > 0)
    let dropped = try world.bench.policy.counters()[.eventsDroppedFull]
    var profile = Profile(name: "test", file: "test.yaml")
    profile.process = .section(.allow, .path(denied, .block))
    try other.apply(profile)
    #expect(other.run("runs(200, '\(denied)')") == "['killed']")
    #expect(other.events.count == 200)
    #expect(try world.bench.policy.counters()[.eventsDroppedFull] == dropped)
    _ = try take()
  }

  @Test("with arguments, execs with other arguments are other facts; without, they are one", arguments: [true, false])
  func arguments(_ isAsked: Bool) throws {
    let path = try world.program("a")
    try record(withArguments: isAsked)
    for _ in 0..<2 { #expect(world.run("sorted(set(run('\(path)', 'x') for _ in range(5)))") == "['ran']") }
    #expect(world.run("run('\(path)', 'y')") == "ran")
    let counts = try take()
    #expect(counts.hasArguments == isAsked)
    #expect(counts.facts.values.sorted() == (isAsked ? [1, 10] : [11]))
    #expect(world.events.count == counts.facts.count && world.events.first?.arguments.last == Array("x".utf8))
  }

  @Test("what two argument rules of one program audit is told of both")
  func argumentRules() throws {
    let path = try world.program("a")
    var rule = PathRule.path(path, .allow)
    rule.arguments = ["x", "y"].map { ArgumentRule(kind: .equals, text: $0, index: 1, action: .audit) }
    try record(.section(.allow, rule))
    for word in ["x", "y", "x", "z"] { #expect(world.run("run('\(path)', '\(word)')") == "ran") }
    #expect(world.events.map { $0.arguments.last.map { String(decoding: $0, as: UTF8.self) } } == ["x", "y", "z"])
    _ = try take()
  }

  @Test("the kernel's objects of a recording are remembered for its time alone")
  func objects() throws { try RecordingTests(ExecBench()).passObjects() }

  private func passObjects() throws {
    let before = world.bench.policy.objectCount
    try recordings.begin(CgroupID(1 << 60))
    #expect(world.bench.policy.objectCount == before + 1)
    do {
      let programs = world.bench.policy.recordingPrograms()
      #expect(world.bench.policy.objectCount > before + 1)
      withExtendedLifetime(programs) {}
    }
    _ = try recordings.take(CgroupID(1 << 60))
    #expect(world.bench.policy.objectCount == before)
  }

  @Test("what the profile blocks is blocked, told each time, and no part of the recording")
  func blocked() throws {
    let path = try world.program("a")
    try record(.section(.allow, .path(path, .block)))
    #expect(world.run("runs(3, '\(path)')") == "['killed']")
    #expect(world.events.count == 3 && world.events.allSatisfy { $0.effect == .killed && $0.recordedAs == nil })
    #expect(try take().facts.isEmpty)
  }

  @Test("a program of the same bytes in another length is another fact, and so is its newness")
  func distinct() throws {
    let (short, long) = (try world.program("aaaaaaa"), try world.program("aaaaaaaa"))
    try record()
    #expect(world.start(short) == "ran" && world.start(long) == "ran")
    #expect(Set(world.events.compactMap(\.recordedAs)).count == 2)
    #expect(world.events.allSatisfy { $0.isNew })
    #expect(try take().facts.count == 2)
  }

  @Test("nothing more is told once when the recording is over")
  func over() throws {
    let path = try world.program("a")
    try record()
    #expect(world.start(path) == "ran")
    #expect(try take().facts.count == 1)
    #expect(world.run("runs(20, '\(path)')") == "['ran']")
    #expect(world.events.count == 21 && world.events.dropFirst().allSatisfy { $0.recordedAs == nil })
    #expect(try recordings.take(world.cgroupID) == nil)
  }

  @Test("the entrypoint is told as such, and stays allowed where nothing else is")
  func entrypoint() throws {
    let path = try world.program("a")
    try record(.section(.block, allowEntrypoint: true))
    defer { _ = try? recordings.take(world.cgroupID) }
    let stat = try ProcessStat.startTicks(in: "/proc/\(world.actor.processID)")
    try world.bench.policy.setEntrypoint(
      world.cgroupID, ProcessIdentity(pid: UInt32(world.actor.processID), startTicks: stat))
    #expect(world.run("become()") == "ok")
    let events = world.events
    #expect(events.count == 1 && events.first?.isOfEntrypoint == true && events.first?.effect == .audited)
    #expect(world.start(path) == "killed")
    #expect(world.events.last?.isOfEntrypoint == false)
  }

  @Test("no more containers are recorded at once than the kernel has room for")
  func limit() throws {
    let cgroups = (0..<Recordings.maximum).map { CgroupID(UInt64(1 << 60 + $0)) }
    defer { for cgroup in cgroups { _ = try? recordings.take(cgroup) } }
    for cgroup in cgroups { try recordings.begin(cgroup) }
    #expect(throws: BPFError.self) { try recordings.begin(CgroupID(1 << 61)) }
    #expect(!recordings.has(CgroupID(1 << 61)))
    _ = try recordings.take(cgroups[0])
    try recordings.begin(cgroups[0])
  }

  @Test("system calls and capabilities are noted of the recorded container alone, from its first program on")
  func uses() throws {
    let programs = world.bench.policy.recordingPrograms()
    #expect(programs.syscallProblem == nil)
    let path = try world.program("a")
    try record()
    world.become()
    world.run("os.getpriority(0, 0)")
    #expect(world.start(path) == "ran")
    world.run("os.chown('\(world.folder)', 1, 1)")
    let counts = try take()
    let names = counts.syscalls.map {
      ReplayedFilter.Call(audit: $0.architecture, number: Int32(bitPattern: $0.number)).name
    }
    #expect(names.contains("getpriority") && names.contains("execve"))
    #expect(!names.contains("mount"), "the runtime's part, before the container's first program")
    if programs.capabilityProblem == nil { #expect(counts.capabilities[0] != nil, "CAP_CHOWN") }
    withExtendedLifetime(programs) {}
  }
}
