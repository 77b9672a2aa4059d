import System
import Testing

@testable import NRI
@testable import TTRPC

/// A recorded session, as Captures/README.md describes it.
struct Capture: Sendable, CustomTestStringConvertible {
  enum Side: Sendable { case plugin, runtime }

  struct Chunk: Sendable {
    let side: Side
    let bytes: [UInt8]
  }

  let name: String
  let chunks: [Chunk]

  static let folder = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/")!)) + "/Captures"
  static let all: [Capture] = try! Files.names(in: folder).filter { $0.hasSuffix(".cap") }.map(Capture.init)
  /// Small enough to be read again for each of their bytes.
  static let small = all.filter { $0.bytes(of: .runtime).count < 1 << 20 }
  static let plugin = Registration(name: "rigplug", index: "10", nriVersion: "v0.12.0")
  static let split = all.first { $0.name.hasPrefix("chunked-sync") }!

  var testDescription: String { name }

  init(name: String) throws {
    self.name = name
    let lines = try Files.read(Self.folder + "/" + name).split(separator: UInt8(ascii: "\n"))
    chunks = lines.map { line in
      let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      return Chunk(side: words[2].first == UInt8(ascii: "P") ? .plugin : .runtime, bytes: Self.unpack(words[3]))
    }
  }

  /// All that one side sent.
  func bytes(of side: Side) -> [UInt8] { chunks.filter { $0.side == side }.flatMap(\.bytes) }

  func messages(of side: Side) throws -> [TrunkDecoder.Received] {
    var decoder = TrunkDecoder()
    let messages = try decoder.receive(bytes(of: side)[...])
    try decoder.finish()
    return messages
  }

  /// Hex digits, and `(78*4096)` for runs.
  private static func unpack(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text
    while let first = rest.first {
      if first == UInt8(ascii: "(") {
        let run = String(decoding: rest.dropFirst().prefix { $0 != UInt8(ascii: ")") }, as: UTF8.self)
        let parts = run.split(separator: "*")
        bytes += [UInt8](repeating: UInt8(parts[0], radix: 16)!, count: Int(parts[1])!)
        rest = rest.dropFirst(run.utf8.count + 2)
      } else {
        bytes.append(digit(first) << 4 | digit(rest[rest.startIndex + 1]))
        rest = rest.dropFirst(2)
      }
    }
    return bytes
  }

  private static func digit(_ character: UInt8) -> UInt8 {
    character >= UInt8(ascii: "a") ? character - UInt8(ascii: "a") + 10 : character - UInt8(ascii: "0")
  }
}

extension Capture {
  /// What the recorded plugin answered to each call, by stream id.
  func answers() throws -> [UInt32: Response] {
    var answers: [UInt32: Response] = [:]
    for received in try messages(of: .plugin) where received.connection == Connection.plugin {
      answers[received.message.header.stream] = try Response(decoding: received.message.body)
    }
    return answers
  }

  func calls() throws -> [(stream: UInt32, method: String, call: PluginCall)] {
    try messages(of: .runtime).filter { $0.connection == Connection.plugin }.map { received in
      let request = try Request(decoding: received.message.body)
      let call = try PluginCall(method: request.method, payload: request.payload)!
      return (received.message.header.stream, request.method, call)
    }
  }
}
