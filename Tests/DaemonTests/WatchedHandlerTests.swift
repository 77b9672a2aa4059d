import Keeper
import NRI
import Testing

@testable import Daemon

@Suite struct WatchedHandlerTests {
  @Test("the keeper gets the configuration before the plugin does, also a broken one")
  func configuration() throws {
    var got: [String] = []
    let handler = WatchedHandler(try plugin(), Heartbeat()) { got.append($0) }
    _ = try handler.configure(runtime("2.3.4", nri: "v0.12.0", config: "nonsense: [\n"))
    #expect(got == ["nonsense: [\n"])
  }

  @Test("a session is good once the runtime took what was answered to its list: an event came, or time passed")
  func good() throws {
    let handler = WatchedHandler(try plugin(), Heartbeat())
    let later = SuspendingClock.now + .seconds(60)
    _ = try handler.configure(runtime("2.3.4", nri: "v0.12.0"))
    #expect(!handler.wasGood(now: later))
    try handler.synchronize(pods: [], containers: [])
    #expect(!handler.wasGood(), "it was dropped at once")
    #expect(handler.wasGood(now: later))
    try handler.removePodSandbox(PodSandbox())
    #expect(handler.wasGood())
  }

  @Test("a list that is answered too late makes no good session")
  func lateList() throws {
    let heartbeat = Heartbeat()
    let handler = WatchedHandler(try plugin(), heartbeat)
    heartbeat.setLimit(.zero)
    try handler.synchronize(pods: [], containers: [])
    #expect(!handler.wasGood(now: .now + .seconds(60)))
    try handler.removePodSandbox(PodSandbox())
    #expect(handler.wasGood(), "the runtime took it all the same")
  }

  @Test("how long a call may take is what the runtime says")
  func limit() throws {
    final class Slow: SilentHandler {
      let heartbeat = Heartbeat()
      var wasLate = false
      func configure(_ configuration: Configuration) throws -> EventMask { [.createContainer] }
      func runPodSandbox(_ pod: PodSandbox) throws {
        while !heartbeat.isLate {}
        wasLate = true
      }
    }
    let slow = Slow()
    let handler = WatchedHandler(slow, slow.heartbeat)
    var message = runtime("2.3.4", nri: "v0.12.0")
    message.requestTimeoutMilliseconds = 20
    _ = try handler.configure(message)
    try handler.runPodSandbox(PodSandbox())
    #expect(slow.wasLate && !slow.heartbeat.isBusy)
  }
}
