import Glibc
import System
import Testing

@testable import Try

/// `stockade try` of a shell script under the demo's profile.
private struct RunningTry {
  let pid: pid_t
  /// The id of the `try`.
  let id: String
  private let output: FileDescriptor

  /// Returns once the script runs.
  init(_ script: String) throws {
    let program = try #require(builtProgram)
    let (reader, writer) = try FileDescriptor.connectedPair()
    output = reader
    let whole = script.replacing("READY", with: "tail -n 1 /proc/self/cgroup")
    let arguments = [program, "try", "--profile", demoProfile, "--", "sh", "-c", whole]
    pid = try Program.start(arguments, output: writer.number)
    // `0::/stockade-try/ID-1`
    let line = String(decoding: try output.read(atMost: 4096), as: UTF8.self)
    id = String(line.split(separator: "/").last?.prefix { $0 != "-" } ?? "")
  }

  /// What came since the last call; empty at the end.
  func next() throws -> String { String(decoding: try output.read(atMost: 4096), as: UTF8.self) }
}

@Suite(
  "signals", .serialized, .enabled(if: canRunContainers && builtProgram != nil, "needs root, runc, busybox-static"))
struct SignalTests {
  @Test("a signal is passed on to the command, whose exit status counts", arguments: [SIGINT, SIGTERM, SIGHUP])
  func forwarded(signal: Int32) throws {
    let run = try RunningTry("trap 'echo got it; exit 5' INT TERM HUP; READY; while :; do sleep 0.05; done")
    #expect(!leftovers(of: run.id).isEmpty)
    kill(run.pid, signal)
    #expect(try run.next() == "got it\n")
    #expect(try Program.wait(for: run.pid) == 5)
    #expect(leftovers(of: run.id) == [])
  }

  @Test("the second signal kills a command that goes on")
  func second() throws {
    let run = try RunningTry("trap 'echo one' TERM; READY; while :; do sleep 0.05; done")
    kill(run.pid, SIGTERM)
    #expect(try run.next() == "one\n")
    kill(run.pid, SIGTERM)
    #expect(try Program.wait(for: run.pid) == ExitStatus.signalBase + SIGKILL)
    #expect(leftovers(of: run.id) == [])
  }

  @Test("a command that does not heed the signal is killed after a moment")
  func unheeded() throws {
    let run = try RunningTry("READY; sleep 100; true")
    kill(run.pid, SIGTERM)
    #expect(try Program.wait(for: run.pid) == ExitStatus.signalBase + SIGKILL)
  }

  @Test("after SIGKILL to try itself its container ends and nothing is left")
  func killed() throws {
    let run = try RunningTry("READY; sleep 100; true")
    kill(run.pid, SIGKILL)
    #expect(try Program.wait(for: run.pid) == ExitStatus.signalBase + SIGKILL)
    // The last process that holds the container's standard output is the container's own.
    #expect(try run.next() == "")
    #expect(becomesTrue { leftovers(of: run.id) == [] })
  }

  @Test("after SIGKILL to try and to all that would clean up after it, the next try that is alone leaves nothing")
  func allKilled() throws {
    let run = try RunningTry("READY; sleep 100; true")
    let shell = try #require(try children(of: run.pid).first { try command(of: $0).contains("stockade-try-cleanup") })
    kill(shell, SIGKILL)
    kill(run.pid, SIGKILL)
    #expect(try Program.wait(for: run.pid) == ExitStatus.signalBase + SIGKILL)
    #expect(!leftovers(of: run.id).isEmpty)
    // Other tests may have a `try` at the same time.
    #expect(
      becomesTrue(within: .seconds(120)) {
        _ = try? Finished(["--profile", demoProfile, "--", "true"])
        return leftovers(of: run.id) == []
      })
    #expect(try run.next() == "", "its container has ended")
  }

  /// With `STOCKADE_KILLS`, so often.
  private static let kills = getenv("STOCKADE_KILLS").flatMap { Int(String(cString: $0)) } ?? 6

  @Test("whenever try is killed, nothing is left a moment later")
  func killedAnywhere() throws {
    let program = try #require(builtProgram)
    let null = try FileDescriptor(open: "/dev/null", O_RDWR)
    for _ in 0..<Self.kills {
      let pid = try Program.start(
        [program, "try", "--profile", demoProfile, "--", "sleep", "1"], input: null.number, output: null.number,
        error: null.number)
      usleep(UInt32.random(in: 0...2_000_000))
      kill(pid, SIGKILL)
      _ = try Program.wait(for: pid)
      // Those of other tests end as well.
      let ids = Self.ids
      #expect(becomesTrue(within: .seconds(60)) { Self.ids.isDisjoint(with: ids) }, "\(ids)")
    }
  }

  /// Of every `try` that has a cgroup or a folder.
  private static var ids: Set<String> {
    let hierarchies =
      ["/sys/fs/cgroup"] + ((try? Files.names(in: "/sys/fs/cgroup")) ?? []).map { "/sys/fs/cgroup/\($0)" }
    let folders = hierarchies.map { $0 + "/stockade-try" } + [Workspace.parent]
    let names = folders.flatMap { (try? Files.names(in: $0)) ?? [] }.map { $0.prefix { $0 != "-" } }
    return Set(names.filter { $0.count == 12 }.map(String.init))
  }

  private func children(of pid: pid_t) throws -> [pid_t] {
    try Files.names(in: "/proc/\(pid)/task").flatMap { thread in
      try Files.text("/proc/\(pid)/task/\(thread)/children").split(separator: " ").compactMap { pid_t($0) }
    }
  }

  private func command(of pid: pid_t) throws -> String {
    try Files.text("/proc/\(pid)/cmdline").replacing("\0", with: " ")
  }

  /// Another process is at work on it: asks until it is so, for 10 s at most.
  private func becomesTrue(within time: Duration = .seconds(10), _ condition: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + time
    while !condition() {
      if ContinuousClock.now > deadline { return false }
      usleep(20_000)
    }
    return true
  }
}
