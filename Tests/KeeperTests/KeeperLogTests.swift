import Glibc
import System
import Testing

@testable import Keeper

@Suite struct KeeperLogTests {
  private let path = "/tmp/stockade-keeper-log-\(UInt64.random(in: 0...UInt64.max))"

  @Test("what a log that hangs does not take is told, and so is what it takes once it goes on")
  func hangs() throws {
    defer { unlink(path) }
    let listener = try bound(SOCK_DGRAM, path.utf8)
    let log = KeeperLog(path: path)
    // Until the log's queue is full.
    while log.error("a line") {}
    #expect(!log.error("a line"))
    _ = try listener.read(atMost: 65536)
    #expect(log.error("a line"))
  }

  @Test("a log that is a stream is written to as well, and a new one as the old one was")
  func stream() throws {
    defer { unlink(path) }
    let log = KeeperLog(path: path)
    #expect(!log.error("a line"), "nobody listens")
    for _ in 0..<2 {
      let listener = try bound(SOCK_STREAM, path.utf8)
      #expect(listen(listener.number, 1) == 0)
      #expect(log.error("a line"))
      let connection = FileDescriptor(owning: accept(listener.number, nil, nil))
      let text = String(decoding: try connection.read(atMost: 65536), as: UTF8.self)
      #expect(text.hasPrefix("<27>") && text.hasSuffix("]: keeper: a line\0"), "\(text)")
      unlink(path)
    }
  }
}

/// A socket of that name; unix(7).
func bound(_ type: __socket_type, _ name: some Collection<UInt8>) throws -> FileDescriptor {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
  let socket = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(type.rawValue), 0))
  let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
  try call("bind") {
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket.number, $0, length) }
    }
  }
  return socket
}
