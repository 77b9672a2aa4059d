import Glibc
import System

@testable import HTTP

/// A folder that ends with this object.
final class ScratchFolder: Sendable {
  let path: String

  init() {
    var name = Array("/tmp/stockade-http-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    path = String(cString: mkdtemp(&name))
  }

  deinit {
    for name in (try? Files.names(in: path)) ?? [] { unlink("\(path)/\(name)") }
    rmdir(path)
  }
}

/// A server in a folder of its own that ends with this object.
final class TestServer: Sendable {
  let path: String
  let server: HTTPServer
  /// While it is true, the slow page is not made.
  let isHeld = Monitor(false)
  let failures = Monitor(0)
  private let folder = ScratchFolder()

  init() throws {
    path = "\(folder.path)/socket"
    let (made, isHeld) = (Monitor(0), isHeld)
    let large = String(repeating: "x", count: 8 << 20)
    server = try HTTPServer(
      at: .unix(path: path),
      pages: [
        "/quick": .quick { HTTPAnswer(.ok, "quick") }, "/large": .quick { HTTPAnswer(.ok, large) },
        "/slow": .slow {
          isHeld.wait { !$0 }
          let count = made.withLock { count in
            count += 1
            return count
          }
          return HTTPAnswer(.ok, "slow \(count)")
        },
      ]
    ) { _ in }
  }

  deinit {
    isHeld.withLock { $0 = false }
    server.stop(milliseconds: 500)
  }

  /// Waits until the server listens.
  func connection(sending text: String) throws -> FileDescriptor {
    let socket = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    while true {
      do {
        try UnixAddress(path).connect(socket)
        break
      } catch { if error.code != ENOENT { throw error } }
      sched_yield()
    }
    try socket.write(text.utf8)
    return socket
  }

  /// The whole answer.
  func ask(_ text: String) throws -> String { try connection(sending: text).all() }
}

extension FileDescriptor {
  /// Until the end.
  func all() throws -> String {
    var bytes: [UInt8] = []
    while true {
      let part = try read(atMost: 65536)
      if part.isEmpty { return String(decoding: bytes, as: UTF8.self) }
      bytes += part
    }
  }
}
