import Glibc
import Testing

@testable import System

/// A service manager's end of the socket.
private final class Manager {
  let name: String
  private let socket: FileDescriptor

  init(abstract: Bool = false) throws {
    let number = UInt64.random(in: 0...UInt64.max)
    name = abstract ? "@stockade-notify-\(number)" : "/tmp/stockade-notify-\(number)"
    let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue)
    socket = FileDescriptor(owning: try call("make a socket") { Glibc.socket(AF_UNIX, type, 0) })
    let address = abstract ? try UnixAddress(abstract: String(name.dropFirst())) : try UnixAddress(name)
    try address.bind(socket)
  }

  deinit { if name.first == "/" { unlink(name) } }

  func service(watchdog: String? = nil, process: String? = nil) throws -> ServiceManager {
    try ServiceManager(socket: name, watchdogMicroseconds: watchdog, watchdogProcess: process)
  }

  /// The next message; nil: there is none.
  var message: String? { (try? socket.read(atMost: 4096)).map { String(decoding: $0, as: UTF8.self) } }

  /// How many messages wait.
  var waiting: Int { sequence(state: ()) { [self] _ in message }.reduce(0) { count, _ in count + 1 } }
}

@Suite struct ServiceManagerTests {
  @Test("a service manager is told once that the service is ready, with what it does", arguments: [false, true])
  func ready(abstract: Bool) throws {
    let manager = try Manager(abstract: abstract)
    let service = try manager.service()
    service.show(status: "waits")
    #expect(manager.message == "STATUS=waits")
    service.ready(status: "serves")
    #expect(manager.message == "READY=1\nSTATUS=serves")
    service.ready(status: "serves")
    #expect(manager.message == nil)
    service.show(status: "waits")
    service.ready(status: "serves")
    #expect(manager.message == "STATUS=waits")
    #expect(manager.message == "STATUS=serves")
    service.stopping()
    #expect(manager.message == "STATUS=ends\nSTOPPING=1")
  }

  @Test("a beat comes three times in the time that the service manager waits, and no more than twice as often")
  func beats() throws {
    let manager = try Manager()
    let service = try manager.service(watchdog: "9000000")
    #expect(service.beatMilliseconds == 3000)
    let start = SuspendingClock.now
    for milliseconds in [0, 10, 1400] { service.beat(now: start + .milliseconds(milliseconds)) }
    #expect(manager.message == "WATCHDOG=1")
    #expect(manager.message == nil)
    service.beat(now: start + .milliseconds(1500))
    #expect(manager.message == "WATCHDOG=1")
  }

  @Test("without a watchdog, and with one that is for another process, there are no beats")
  func noBeats() throws {
    let manager = try Manager()
    try manager.service().beat()
    try manager.service(watchdog: "1000000", process: "1").beat()
    #expect(manager.message == nil)
    try manager.service(watchdog: "1000000", process: "\(getpid())").beat()
    #expect(manager.message == "WATCHDOG=1")
  }

  @Test("a service manager that takes nothing holds up nobody, and a later beat tells what it missed, once")
  func full() throws {
    let manager = try Manager()
    let filler = try manager.service()
    for number in 0..<100_000 { filler.show(status: "\(number)") }
    let service = try manager.service(watchdog: "1000000")
    service.ready(status: "serves")
    #expect(manager.waiting > 0)
    service.beat()
    #expect(manager.message == "READY=1\nSTATUS=serves\nWATCHDOG=1")
    service.show(status: "waits")
    #expect(manager.message == "STATUS=waits")
  }

  @Test(
    "a socket and a time that cannot be used are told with the variable",
    arguments: [
      ("run/notify", nil, "NOTIFY_SOCKET is neither a path nor an abstract name behind an @: \"run/notify\""),
      ("", nil, "NOTIFY_SOCKET is neither a path nor an abstract name behind an @: \"\""),
      ("vsock:2:1", nil, "NOTIFY_SOCKET is neither a path nor an abstract name behind an @: \"vsock:2:1\""),
      ("@a", "soon", "WATCHDOG_USEC is not a number of microseconds: \"soon\""),
      ("@a", "0", "WATCHDOG_USEC is not a number of microseconds: \"0\""),
    ] as [(String, String?, String)])
  func unusable(socket: String, time: String?, text: String) {
    let problem = #expect(throws: ServiceManager.Problem.self) {
      try ServiceManager(socket: socket, watchdogMicroseconds: time, watchdogProcess: nil)
    }
    #expect(problem?.description == text)
  }

  @Test(
    "a name at the limit is used, and one past it is an error",
    arguments: [("/", false), ("@", false), ("/", true), ("@", true)])
  func limit(first: String, isPast: Bool) {
    let room = UnixAddress.pathMaxBytes - (first == "/" ? 1 : 0)
    let name = first + String(repeating: "n", count: room + (isPast ? 1 : 0))
    let service = try? ServiceManager(socket: name, watchdogMicroseconds: nil, watchdogProcess: nil)
    #expect((service == nil) == isPast)
  }

  @Test("the variables are taken away, so that programs that are started do not find them")
  func environment() throws {
    let manager = try Manager()
    setenv("NOTIFY_SOCKET", manager.name, 1)
    setenv("WATCHDOG_USEC", "3000000", 1)
    setenv("WATCHDOG_PID", "\(getpid())", 1)
    let service = try #require(try ServiceManager.ofEnvironment())
    #expect(service.beatMilliseconds == 1000)
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { #expect(getenv(name) == nil) }
    #expect(try ServiceManager.ofEnvironment() === nil)
  }
}
