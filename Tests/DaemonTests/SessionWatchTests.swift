import Keeper
import NRI
import Testing

@testable import Daemon

@Suite struct SessionWatchTests {
  private static let event = PluginCall.podEvent(.removePodSandbox, PodSandbox())
  private static let list = PluginCall.synchronize(pods: [], containers: [], more: false)
  private struct Refused: Error {}

  private func configure(_ watch: SessionWatch, text: String = "", _ body: () throws -> Void) rethrows {
    try watch.during(.configure(runtime("2.3.4", nri: "v0.12.0", config: text)), body)
  }

  @Test("the keeper gets the configuration before the plugin does, also a broken one")
  func configuration() {
    var got: [String] = []
    let watch = SessionWatch(Heartbeat()) { got.append($0) }
    configure(watch, text: "nonsense: [\n") { got.append("the plugin") }
    #expect(got == ["nonsense: [\n", "the plugin"])
  }

  @Test("a session is good once the runtime took what was answered to its list: an event came, or time passed")
  func good() {
    let watch = SessionWatch(Heartbeat())
    let later = SuspendingClock.now + .seconds(60)
    configure(watch) {}
    #expect(!watch.wasGood(now: later))
    watch.during(Self.list) {}
    #expect(!watch.wasGood(), "it was dropped at once")
    #expect(watch.wasGood(now: later))
    watch.during(.unused) {}
    #expect(!watch.wasGood(), "no event that matters came")
    watch.during(Self.event) {}
    #expect(watch.wasGood())
  }

  @Test("a list that is refused, or answered too late, makes no good session")
  func lateList() {
    let heartbeat = Heartbeat()
    let watch = SessionWatch(heartbeat)
    #expect(throws: Refused.self) { try watch.during(Self.list) { throw Refused() } }
    #expect(!watch.wasGood(now: .now + .seconds(60)))
    heartbeat.setLimit(.zero)
    watch.during(Self.list) {}
    #expect(!watch.wasGood(now: .now + .seconds(60)))
    watch.during(Self.event) {}
    #expect(watch.wasGood(), "the runtime took it all the same")
  }

  @Test("a plugin serves once it has adopted what runs, or the runtime has gone on to events without telling it")
  func serving() {
    for first in [Self.list, Self.event] {
      var isServing = false
      let watch = SessionWatch(Heartbeat())
      watch.whenServing = { isServing = true }
      configure(watch) {}
      #expect(throws: Refused.self) { try watch.during(Self.list) { throw Refused() } }
      watch.during(.unused) {}
      #expect(!isServing)
      watch.during(first) {}
      #expect(isServing)
    }
  }

  @Test("how long a call may take is what the runtime says")
  func limit() {
    let heartbeat = Heartbeat()
    let watch = SessionWatch(heartbeat)
    var message = runtime("2.3.4", nri: "v0.12.0")
    message.requestTimeoutMilliseconds = 20
    watch.during(.configure(message)) {}
    watch.during(Self.event) { while !heartbeat.isLate {} }
    #expect(!heartbeat.isBusy)
  }
}
