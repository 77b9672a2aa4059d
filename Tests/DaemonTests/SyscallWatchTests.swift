import BPF
import Daemon
import Glibc
import InMemoryLogging
import Logging
import Policy
import Synchronization
import System
import Testing

/// What loads and attaches the programs that tell denied calls, and when.
@Suite struct SyscallWatchTests {
  /// The kernel's half. Loads wait while the gate is closed.
  private final class Kernel: SyscallWatcher {
    let way: SyscallPrograms.Way
    let trampolineProblem: String? = "a test"
    let calls = Mutex<[String]>([])
    let refuses = Mutex(false)
    init(_ way: SyscallPrograms.Way) { self.way = way }

    func watch(_ cgroupID: CgroupID, _ watch: SyscallPrograms.Watch) throws(BPFError) {
      if refuses.withLock({ $0 }) { throw .tableFull(map: "syscall_filters", limit: 1) }
      calls.withLock { $0.append("watch \(cgroupID) \(watch)") }
    }
    func leave(_ cgroupID: CgroupID) { calls.withLock { $0.append("leave \(cgroupID)") } }
  }

  private final class World: Sendable {
    let kernel: Kernel
    let isOpen = Monitor(true)
    let loads = Mutex<[pthread_t]>([])
    let problem = Mutex<BPFError?>(nil)
    let time = Mutex<Int64>(0)
    let log = InMemoryLogHandler()
    init(_ way: SyscallPrograms.Way = .trampoline) { kernel = Kernel(way) }

    func load() throws(BPFError) -> Kernel {
      loads.withLock { $0.append(pthread_self()) }
      isOpen.wait { $0 }
      if let problem = problem.withLock({ $0 }) { throw problem }
      return kernel
    }

    func watch() -> SyscallWatch {
      SyscallWatch(log: Logger(label: "test") { [log] _ in log }, now: { self.time.withLock { $0 } }) {
        _ throws(BPFError) in try self.load()
      }
    }

    var loadCount: Int { loads.withLock { $0.count } }
    var calls: [String] { kernel.calls.withLock { $0 } }
    var lines: [String] { log.entries.map { "\($0.message)" } }
  }

  private func filters(_ watch: SyscallWatch, _ wanted: NodeConfiguration.SeccompEvents = .auto) -> SyscallFilters {
    let filters = SyscallFilters(
      watch, architecture: .x86_64, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    filters.begin(wanted)
    return filters
  }

  @Test("nothing is loaded before the first container is watched, and then not on the thread that says so")
  func late() {
    let world = World()
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch)
    filters.keep { _ in true }
    filters.settle()
    #expect(world.loadCount == 0)
    filters.insert("c1", CgroupID(1), nil)
    filters.settle()
    #expect(world.calls == ["watch 1 certain"])
    #expect(world.loads.withLock { $0.count == 1 && pthread_equal($0[0], pthread_self()) == 0 })
  }

  @Test("starts and ends wait for no load, and what is watched afterwards is what they left, in their order")
  func order() {
    let world = World()
    world.isOpen.withLock { $0 = false }
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch)
    filters.insert("c1", CgroupID(1), nil)
    filters.keep { $0 != "c1" }
    filters.insert("c2", CgroupID(1), nil)
    filters.insert("c3", CgroupID(2), nil)
    filters.keep { $0 != "c3" }
    #expect(world.calls == [])
    world.isOpen.withLock { $0 = true }
    filters.settle()
    #expect(world.calls.filter { !$0.hasSuffix(" 2") && !$0.hasPrefix("watch 2") } == ["watch 1 certain"])
    filters.keep { _ in false }
    filters.settle()
    filters.insert("c4", CgroupID(1), nil)
    filters.settle()
    #expect(world.calls.suffix(3) == ["watch 1 certain", "leave 1", "watch 1 certain"])
    #expect(world.loadCount == 1)
  }

  @Test("if the configuration asks for nothing, nothing is loaded")
  func unwanted() {
    let world = World()
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch, .none)
    filters.insert("c1", CgroupID(1), nil)
    filters.settle()
    #expect(world.loadCount == 0)
  }

  @Test("if the configuration asks for a way that the node does not have, that is found once, told once, and left")
  func otherWay() {
    let world = World(.tracepoint)
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch, .trampoline)
    for number in 1...3 {
      filters.insert("c\(number)", CgroupID(UInt64(number)), nil)
      filters.settle()
    }
    #expect(world.loadCount == 1 && world.calls == [] && watch.isGivenUp)
    #expect(world.lines == ["what seccomp filters deny is not told, as the configuration says"])
  }

  @Test("the costly way is told when it is known")
  func costly() {
    let world = World(.tracepoint)
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch)
    #expect(world.lines == [])
    filters.insert("c1", CgroupID(1), nil)
    filters.settle()
    #expect(world.lines.count == 1 && world.calls == ["watch 1 certain"])
  }

  @Test("what the kernel refuses is told once and not tried again")
  func refused() {
    let world = World()
    world.problem.withLock { $0 = .unavailable("a test") }
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch)
    for number in 1...3 {
      filters.insert("c\(number)", CgroupID(UInt64(number)), nil)
      filters.settle()
      world.time.withLock { $0 += 100_000_000_000 }
    }
    #expect(world.loadCount == 1 && world.lines == ["what seccomp filters deny is not told"])
  }

  @Test("what fails for want of memory is told once, and tried again after a minute")
  func again() {
    let world = World()
    world.problem.withLock { $0 = .system(Errno(ENOMEM, "test")) }
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch)
    for number in 1...3 {
      filters.insert("c\(number)", CgroupID(UInt64(number)), nil)
      filters.settle()
    }
    world.time.withLock { $0 = SyscallWatch.pauseSeconds * 1_000_000_000 }
    filters.keep { _ in true }
    filters.settle()
    #expect(world.loadCount == 2 && world.lines.count == 1)
    world.problem.withLock { $0 = nil }
    world.time.withLock { $0 *= 2 }
    filters.keep { $0 != "c3" }
    filters.settle()
    #expect(world.calls.sorted() == ["watch 1 certain", "watch 2 certain"])
    #expect(world.lines.last == "what seccomp filters deny is told again" && world.lines.count == 2)
  }

  @Test("a full table is told once, and containers that end make room in it")
  func full() {
    let world = World()
    let watch = world.watch()
    defer { watch.stop() }
    let filters = filters(watch)
    filters.insert("c1", CgroupID(1), nil)
    filters.settle()
    world.kernel.refuses.withLock { $0 = true }
    for number in 2...4 {
      filters.insert("c\(number)", CgroupID(UInt64(number)), nil)
      filters.settle()
    }
    #expect(world.lines.count == 1 && world.calls.last == "leave 2", "what was done in part is taken back")
    world.time.withLock { $0 = SyscallWatch.pauseSeconds * 1_000_000_000 }
    filters.keep { $0 != "c1" }
    filters.settle()
    #expect(world.calls.last == "leave 1" && world.lines.count == 1 && world.loadCount == 1)
  }

  @Test("the end does not wait for a load that hangs")
  func end() {
    let world = World()
    world.isOpen.withLock { $0 = false }
    let watch = world.watch()
    let filters = filters(watch)
    filters.insert("c1", CgroupID(1), nil)
    while world.loadCount == 0 { sched_yield() }
    watch.stop()
    filters.settle()
    #expect(world.calls == [])
    world.isOpen.withLock { $0 = true }
  }
}
