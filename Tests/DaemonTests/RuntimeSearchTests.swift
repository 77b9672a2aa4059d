import Glibc
import Logging
import System
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(5))) struct RuntimeSearchTests {
  /// A socket below two folders that are not there yet; all goes with the value.
  private final class Place: Sendable {
    let top = "/tmp/stockade-search-\(UInt64.random(in: 0...UInt64.max))"
    var folder: String { "\(top)/run/nri" }
    var socket: String { "\(folder)/nri.sock" }

    init() throws { try Files.makeFolder(top) }

    deinit {
      unlink(socket)
      rmdir(folder)
      rmdir("\(top)/run")
      rmdir(top)
    }

    /// As a runtime does at its start, which takes away what an earlier one left.
    func serve() throws -> FileDescriptor {
      try Files.makeFolder(folder)
      unlink(socket)
      let server = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
      try call("bind") {
        withUnsafePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(server.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
          }
        }
      }
      try call("listen") { listen(server.number, 4) }
      return server
    }
  }

  private static let stop = StopSignal()
  private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Whether it connects to a socket that comes while it waits. It does not look again by itself.
  private func connects(_ place: Place, before: (Place) throws -> Void = { _ in }) throws -> Bool {
    try before(place)
    let search = RuntimeSearch(place.socket, Self.stop, log, rareLookMilliseconds: 3_600_000)
    let served = Synchronized<FileDescriptor?>(nil)
    let thread = try Thread { @Sendable in
      usleep(400_000)
      served.set(try? place.serve())
    }
    let connection = search.connect()
    thread.join()
    return connection != nil && served.value != nil
  }

  @Test("it is connected when the socket comes, whatever was missing before")
  func appears() throws {
    #expect(try connects(Place()), "no folder was there")
    #expect(try connects(Place()) { try Files.makeFolder($0.folder) }, "the folder was there")
    #expect(try connects(Place()) { _ = try $0.serve() }, "an old socket was there")
  }

  @Test("who waits for a runtime, or between two sessions, beats")
  func beats() throws {
    let place = try Place()
    var (beats, server) = (0, FileDescriptor?.none)
    var search = RuntimeSearch(
      place.socket, Self.stop, log,
      Pulse(milliseconds: 5) {
        beats += 1
        if beats == 10 { server = try? place.serve() }
      })
    #expect(search.connect() != nil)
    #expect(beats >= 10)
    beats = 0
    search.pause(afterGood: false)
    #expect(beats > 1)
    withExtendedLifetime(server) {}
  }

  @Test("a folder that is taken away and made again is watched again")
  func folderMadeAgain() throws {
    let place = try Place()
    try Files.makeFolder(place.folder)
    let watch = try SocketWatch(place.socket)
    try watch.aim()
    rmdir(place.folder)
    #expect(isReadable(watch))
    try watch.aim()
    #expect(!isReadable(watch))
    try Files.makeFolder(place.folder)
    #expect(isReadable(watch))
    try watch.aim()
    #expect(!isReadable(watch))
    let server = try place.serve()
    withExtendedLifetime(server) { #expect(isReadable(watch)) }
  }

  private func isReadable(_ watch: SocketWatch) -> Bool {
    var polled = pollfd(fd: watch.inotify.descriptor.number, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, 0) == 1
  }

  @Test("after failed sessions it waits ever longer")
  func pauses() throws {
    let place = try Place()
    let server = try place.serve()
    var search = RuntimeSearch(place.socket, Self.stop, log)
    let clock = SuspendingClock()
    // At least half of 200 ms, and of 400 ms.
    #expect(clock.measure { search.pause(afterGood: false) } >= .milliseconds(100))
    #expect(clock.measure { search.pause(afterGood: false) } >= .milliseconds(200))
    withExtendedLifetime(server) {}
  }

  @Test("it waits no longer once the session was good, or a socket is made anew")
  func ends() throws {
    let place = try Place()
    let server = try place.serve()
    var search = RuntimeSearch(place.socket, Self.stop, log, firstWaitMilliseconds: 3_600_000)
    search.pause(afterGood: true)
    let again = Synchronized<FileDescriptor?>(nil)
    let thread = try Thread { @Sendable in
      usleep(100_000)
      again.set(try? place.serve())
    }
    search.pause(afterGood: false)
    thread.join()
    #expect(again.value != nil)
    withExtendedLifetime(server) {}
  }
}

/// A value that another thread sets before it is joined.
private final class Synchronized<Value>: @unchecked Sendable {
  private(set) var value: Value
  init(_ value: Value) { self.value = value }
  func set(_ value: Value) { self.value = value }
}
