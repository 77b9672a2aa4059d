import Glibc
import Synchronization
import System

@testable import RPC

/// A server in a folder of its own that ends with this object.
final class TestServer: Sendable {
  let path: String
  let server: RPCServer
  private let folder: String

  init(
    _ methods: [RPCMethod] = TestServer.methods,
    admit: @escaping RPCServer.Admission = { _ in RPCPeer(uid: 0, pid: getpid(), loginUID: nil) }
  ) throws {
    // What a server has closed is written to.
    signal(SIGPIPE, SIG_IGN)
    var name = Array("/tmp/stockade-rpc-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    folder = String(cString: mkdtemp(&name))
    path = "\(folder)/socket"
    let told = Monitor<[String]>([])
    server = try RPCServer(
      at: path, methods: methods, admit: admit, tell: { line in told.withLock { $0.append(line) } })
    self.lines = told
  }

  private let lines: Monitor<[String]>

  /// What went to the log.
  var log: [String] { lines.read { $0 } }

  deinit {
    server.stop(milliseconds: 500)
    rmdir(folder)
  }

  func client() throws -> RPCClient { try RPCClient(path: path) }

  /// Echoes, fails, counts, and says nothing.
  static let methods = [
    RPCMethod.unary("/test/Echo") { (bytes, _) in bytes },
    RPCMethod.unary("/test/Fail") { (_, _) throws(RPCStatus) in throw RPCStatus(.notFound, "nothing here") },
    RPCMethod.unary("/test/Large") { (_, _) in [UInt8](repeating: 1, count: RPCLimits.answerMaxBytes + 1) },
    RPCMethod.unary("/test/Sleep", .changing) { (bytes, _) in
      usleep(UInt32(bytes.first ?? 0) * 10_000)
      return []
    },
    RPCMethod.stream("/test/Count") { (bytes, _, stream) in
      let count = bytes.first ?? 0
      _ = Worker { _ in
        for number in 0..<count where !stream.send([number]) { return }
        stream.finish(.ok)
      }
    },
    RPCMethod.stream("/test/Silent") { (_, _, stream) in stream.keepOpen(with: [7]) },
    RPCMethod.dialogue("/test/Talk") { (bytes, _) in bytes.reversed() },
  ]
}
