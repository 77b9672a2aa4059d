import Synchronization
import Testing

@testable import Daemon

@Suite struct StopListTests {
  private let list = StopList()
  private final class Told: Sendable {
    private let names = Mutex<[String]>([])
    func add(_ name: String) { names.withLock { $0.append(name) } }
    var all: [String] { names.withLock { $0 } }
  }
  private let told = Told()

  @Test("what was started last is stopped first, and all of it once")
  func order() {
    for name in ["events", "sweep", "profiles"] { list.add { [told] in told.add(name) } }
    #expect(told.all.isEmpty)
    list.stopAll()
    list.stopAll()
    #expect(told.all == ["profiles", "sweep", "events"])
  }

  @Test("what is started after the end, or while it is under way, is stopped at once")
  func late() {
    list.add { [told] in told.add("first") }
    list.add { [list, told] in
      told.add("second")
      list.add { told.add("third") }
    }
    list.stopAll()
    list.add { [told] in told.add("fourth") }
    #expect(told.all == ["second", "third", "first", "fourth"])
  }
}
