import BPF
import CStockade
import Glibc
import Policy
import System
import Testing

@testable import Seccomp

/// What the kernel's programs tell of calls under real filters, against what the filter says when it is asked again.
@Suite(.enabled(if: ExecBench.isPossible && isX86, ExecBench.why), .serialized) struct SyscallTests {
  private static let program = Result { try compiled() }

  private static func compiled() throws -> [UInt8] {
    let folder = "\(#filePath)".dropLast("SyscallTests.swift".count)
    let path = "/tmp/stockade-test-\(getpid())-syscalls"
    defer { unlink(path) }
    let words = ["cc", "-static", "-O1", "-pthread", "-o", path, "\(folder)BPF/syscall_actor.c"]
    let run = try ProgramRun("/usr/bin/env", arguments: ["env"] + words, seconds: 120)
    if run.status != 0 { throw Errno(EINVAL, "compile: \(run.error)") }
    return try Files.read(path)
  }

  private let world: ExecWorld
  private let programs: SyscallPrograms
  private let path: String

  init() throws {
    world = try ExecWorld()
    programs = try world.bench.policy.syscallPrograms()
    path = "\(world.folder)/actor"
    try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o755).write(Self.program.get())
    try world.apply(nil)
    world.become()
  }

  /// A filter, and what says why it denies a call.
  private struct Filter {
    var sent: SeccompFilter
    var replayed: ReplayedFilter
    var program: FilterProgram
    let place = Location(file: "web.yaml", line: 9)

    init(_ source: SeccompSection.Source, mode: Mode = .enforce) throws {
      let resolved = try resolve(
        SeccompSection(source: source, location: place), profilesFolder: "/nonexistent", mode: mode,
        environment: .thisNode())
      sent = try adapt(resolved, to: .full).filter
      replayed = try ReplayedFilter(sent, of: resolved, architecture: .x86_64)
      program = try FilterProgram(sent, architecture: .x86_64, at: place)
    }

    /// Denies these calls of every architecture in some way.
    init(denying rules: [(name: String, action: String, errno: UInt32?)], mode: Mode = .enforce) throws {
      var filter = SeccompFilter(defaultAction: "SCMP_ACT_ALLOW")
      filter.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
      filter.syscalls = rules.map { name, action, errno in
        var rule = SeccompFilter.Rule(names: [name], action: action)
        rule.errnoReturn = errno
        return rule
      }
      try self.init(.inline(filter), mode: mode)
    }
  }

  private func write(_ filter: Filter) throws -> String {
    let path = "\(world.folder)/filter"
    let bytes = filter.program.instructions.withUnsafeBytes { Array($0) }
    try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644).write(bytes)
    return path
  }

  private var calls: [KernelEvent] { world.events.filter { $0.kind == .syscall } }

  private func run(
    _ filter: Filter, _ words: String..., watch: SyscallPrograms.Watch = .failures
  ) throws -> (answer: String, events: [KernelEvent]) {
    let before = calls.count
    try programs.watch(world.cgroupID, watch)
    defer { try? programs.leave(world.cgroupID) }
    let list = ([path, try write(filter)] + words).map { "'\($0)'" }.joined(separator: ", ")
    let answer = world.run("run(\(list))")
    return (answer, Array(calls.dropFirst(before)))
  }

  private func ruling(_ filter: Filter, _ event: KernelEvent) -> ReplayedFilter.Ruling? {
    event.syscall.flatMap { filter.replayed.ruling(audit: $0.architecture, number: $0.number, arguments: $0.arguments) }
  }

  @Test("for every call of the table the replayed answer is the one that the kernel gave, and every denial is told")
  func table() throws {
    let (count, passed) = (512, -4000)
    let filter = try Filter(.runtimeDefault)
    let results = "\(world.folder)/results"
    try FileDescriptor(open: results, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
      .write([UInt8](repeating: 0, count: 2 * count * 8))
    let (answer, events) = try run(filter, "table", results)
    #expect(answer == "exit 0")
    let observed = try Files.read(results).withUnsafeBytes { Array($0.bindMemory(to: Int.self)) }
    var denied: Set<[Int]> = []
    // uretprobe and uprobe, which the actor does not make.
    let unfiltered: Set<[Int]> = [[0, 335], [0, 336]]
    for (index, audit) in [0xc000_003e as UInt32, 0x4000_0003].enumerated() {
      for number in 0..<count where !unfiltered.contains([index, number]) {
        let ruling = filter.replayed.ruling(
          audit: audit, number: Int32(number), arguments: [UInt64](repeating: 0, count: 6))
        let expected = ruling.map { -Int($0.action.errno ?? 9999) } ?? passed
        #expect(observed[index * count + number] == expected, "\(audit) \(number)")
        if ruling != nil { denied.insert([index, number]) }
      }
    }
    #expect(denied.count > 100)
    let told = events.filter { ruling(filter, $0) != nil }.compactMap(\.syscall)
    #expect(Set(told.map { [$0.architecture == 0xc000_003e ? 0 : 1, Int($0.number)] }) == denied)
    #expect(told.count == denied.count)
    #expect(told.allSatisfy { $0.arguments.prefix(5).allSatisfy { $0 == 0 } && $0.errno != nil })
  }

  @Test("a denied call is told as it was made, and one that fails by itself is known by the replay")
  func refused() throws {
    let filter = try Filter(denying: [("mkdir", "SCMP_ACT_ERRNO", 13)])
    let (answer, events) = try run(filter, "call", "83")
    #expect(answer == "exit 1")
    let denied = events.filter { ruling(filter, $0) != nil }
    #expect(denied.count == 1 && denied.first?.effect == .refused && denied.first?.syscall?.errno == 13)
    #expect(denied.first?.process?.parentPID != 0 && denied.first?.process?.uid == 0)
    // rmdir of nothing fails with EFAULT, and no filter can deny it.
    let (other, nothing) = try run(filter, "call", "84")
    #expect(other == "exit 1" && nothing.filter { $0.syscall?.number == 84 } == [])
  }

  @Test(
    "a call whose process or thread is killed, or gets SIGSYS, is told too",
    arguments: [
      ("SCMP_ACT_KILL_PROCESS", "call", "signal", KernelEvent.Effect.killed),
      ("SCMP_ACT_KILL_THREAD", "call", "signal", .killed), ("SCMP_ACT_KILL_THREAD", "thread", "exit 0", .killed),
      ("SCMP_ACT_KILL_PROCESS", "thread", "signal", .killed), ("SCMP_ACT_TRAP", "call", "signal", .refused),
      ("SCMP_ACT_TRACE", "call", "exit 1", .refused),
    ])
  func killed(action: String, how: String, answer: String, effect: KernelEvent.Effect) throws {
    let filter = try Filter(denying: [("sethostname", action, nil)])
    let (found, events) = try run(filter, how, "170")
    #expect(found == answer)
    let denied = events.filter { ruling(filter, $0) != nil }
    #expect(denied.map(\.effect) == [effect] && denied.first?.syscall?.number == 170)
  }

  @Test("what is only logged is told if all results are asked for, and so is errno 0 where only results are known")
  func unseen() throws {
    let zero = try Filter(denying: [("umask", "SCMP_ACT_ERRNO", 0)])
    let logged = try Filter(denying: [("umask", "SCMP_ACT_KILL", nil)], mode: .audit)
    func found(_ filter: Filter, _ watch: SyscallPrograms.Watch) throws -> [KernelEvent] {
      try run(filter, "call", "95", watch: watch).events.filter { ruling(filter, $0) != nil }
    }
    let isCertain = programs.way == .trampoline
    // The kernel detaches a little later than it is asked to. So the programs stay attached between the runs: what is
    // attached twice for that moment tells a call twice.
    try programs.watch(CgroupID(1), .failures)
    #expect(try found(zero, .failures).count == (isCertain ? 1 : 0))
    #expect(try found(logged, .failures) == [])
    let told = try found(zero, .allResults) + found(logged, .allResults)
    #expect(told.map(\.syscall?.number) == [95, 95])
    #expect(told.map(\.effect) == [isCertain ? .refused : .audited, .audited])
  }

  @Test("of a container whose filter is not known, only what is certain is told, with that as the reason")
  func certain() throws {
    let filter = try Filter(denying: [
      ("mkdir", "SCMP_ACT_ERRNO", nil), ("sethostname", "SCMP_ACT_KILL_PROCESS", nil),
    ])
    let refused = try run(filter, "call", "83", watch: .certain).events
    #expect(refused.count == (programs.way == .trampoline ? 1 : 0))
    let killed = try run(filter, "call", "170", watch: .certain).events
    #expect(killed.count == 1 && (refused + killed).allSatisfy { $0.reason == .unknownFilter })
    #expect(killed.first?.syscall?.isCertain == true)
  }

  @Test("the programs are attached while a container is watched, and nobody else's calls are told")
  func attached() throws {
    let filter = try Filter(denying: [("mkdir", "SCMP_ACT_ERRNO", nil)])
    #expect(!programs.isAttached)
    try programs.watch(CgroupID(1), .failures)
    try programs.watch(CgroupID(2), .failures)
    #expect(programs.isAttached)
    let list = [path, try write(filter), "call", "83"].map { "'\($0)'" }.joined(separator: ", ")
    let before = calls.count
    #expect(world.run("run(\(list))") == "exit 1")
    #expect(calls.count == before)
    try programs.leave(CgroupID(1))
    #expect(programs.isAttached)
    try programs.leave(CgroupID(2))
    #expect(!programs.isAttached)
  }

  @Test("a storm of denied calls takes no room of the container's other events")
  func storm() throws {
    let filter = try Filter(denying: [("mkdir", "SCMP_ACT_ERRNO", nil)])
    try programs.watch(world.cgroupID, .failures)
    defer { try? programs.leave(world.cgroupID) }
    let list = [path, try write(filter), "storm", "83"].map { "'\($0)'" }.joined(separator: ", ")
    #expect(world.run("run(\(list))") == "exit 0")
    #expect(calls.count >= 400 && calls.count < 1000)
    let dropped = try world.bench.policy.counters()[.eventsDroppedRate]
    #expect(dropped > 10_000)
    let rules = [
      PathRule(path: path, isDirectory: false, action: .audit, location: Location(file: "web.yaml", line: 1))
    ]
    var section = ProcessSection()
    section.rules = rules
    try world.apply(section)
    _ = world.run("run('\(path)')")
    #expect(world.events.contains { $0.kind == .exec && $0.effect == .audited })
  }
}

#if arch(x86_64)
  private let isX86 = true
#else
  private let isX86 = false
#endif
