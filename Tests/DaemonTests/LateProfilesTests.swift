import Glibc
import InMemoryLogging
import Logging
import NRI
import NRIRuntime
import Synchronization
import System
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(1))) struct LateProfilesTests {
  private let memory = InMemoryLogHandler()

  /// - Returns: how often the session was ended.
  private func makeWay(pausesMax: Int? = nil, isReplaceable: () -> Bool) -> Int {
    var (ends, pauses) = (0, 0)
    LateProfiles.makeWay(
      Logger(label: "test") { [memory] _ in memory }, patienceMilliseconds: 300,
      pause: { _ in
        pauses += 1
        return pauses != pausesMax
      }, isReplaceable: isReplaceable
    ) { ends += 1 }
    return ends
  }

  @Test("a launched plugin goes on where no other one would come, and says what that means")
  func stays() {
    #expect(makeWay { false } == 0)
    #expect(memory.entries.map(\.level) == [.critical])
    #expect(memory.entries.first.map { "\($0.message)".contains("stays as it is") } == true)
  }

  @Test("it ends once another one would come")
  func ends() {
    var looks = 0
    let ends = makeWay {
      looks += 1
      return looks == 3
    }
    #expect(ends == 1 && looks == 3)
    #expect(memory.entries.first.map { "\($0.message)".contains("comes next") } == true)
  }

  @Test("it waits no longer where the process ends anyway, and says nothing")
  func ending() {
    #expect(makeWay(pausesMax: 2) { false } == 0)
    #expect(memory.entries.isEmpty)
  }

  @Test(
    "late profiles end a session that left a container out, whichever was told first", arguments: [true, false], [0, 2])
  func late(profilesFirst: Bool, leftOut: Int) {
    let session = SessionFacts()
    let acts = Mutex(0)
    let act = { @Sendable in acts.withLock { $0 += 1 } }
    if profilesFirst { session.profilesCameLate(act) }
    #expect(acts.withLock { $0 } == 0)
    session.adopted(leftOut: leftOut)
    if !profilesFirst { session.profilesCameLate(act) }
    let expected = leftOut > 0 ? 1 : 0
    #expect(acts.withLock { $0 } == expected)
    // The next session has nothing to do with it.
    session.ended()
    session.adopted(leftOut: 1)
    #expect(acts.withLock { $0 } == expected)
  }

  @Test("the profiles are waited for as long as the runtime's own patience allows")
  func patience() {
    #expect(SettingsLoader.profilesPatience(.seconds(1)) == 1200)
    #expect(SettingsLoader.profilesPatience(.seconds(2)) == 1200)
    #expect(SettingsLoader.profilesPatience(.seconds(60)) == 36_000)
  }

  @Test("what the runtime asked before the session ends is answered")
  func inFlight() throws {
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let sockets = ends.map { FileDescriptor(owning: $0) }
    let stop = StopSignal()
    stop.shutDownOnSignal(sockets[0])
    let reason = Monitor<PluginSession.EndReason?>(nil)
    let thread = try Thread { @Sendable in
      let handler = Ending { stop.endConnectionOnceAnswered() }
      let session = try? PluginSession(socket: sockets[0], name: "stockade", index: "10", handler: handler)
      let ended = try? session?.run()
      reason.withLock { $0 = ended }
    }
    let runtime = RuntimeConnection(socket: sockets[1], configuration: "")
    try runtime.accept()
    try runtime.runPodSandbox(PodSandbox())
    thread.join()
    stop.stop()
    #expect(reason.read { $0 } == .closed)
  }
}

/// Ends its session in the midst of a call.
private final class Ending: SilentHandler {
  private let end: () -> Void
  init(_ end: @escaping () -> Void) { self.end = end }
  func configure(_ configuration: Configuration) throws -> EventMask { [.runPodSandbox] }
  func runPodSandbox(_ pod: PodSandbox) throws { end() }
}
