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
    let (reader, writer) = try connectedPair()
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

  /// Another process is at work on it: asks until it is so, for 10 s at most.
  private func becomesTrue(_ condition: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while !condition() {
      if ContinuousClock.now > deadline { return false }
      usleep(20_000)
    }
    return true
  }
}
