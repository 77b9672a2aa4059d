@testable import System

@testable import NRI
@testable import TTRPC

/// What runtimes sent in the recorded sessions of the tests (Tests/NRITests/Captures/README.md).
enum Captured {
  private static let folder = "Tests/NRITests/Captures"
  /// So much of each session. The rest is more of the same.
  private static let trunkBytes = 3 << 10

  static var trunks: [[UInt8]] { sessions.map { Array($0.prefix(trunkBytes)) } }

  /// The bodies of messages, as the target `ttrpc` reads them.
  static var bodies: [[UInt8]] {
    messages.map { [$0.message.header.kind == .request ? 0 : 1] + $0.message.body }
  }

  /// Calls of the plugin: method and payload.
  static var calls: [(method: String, payload: [UInt8])] {
    messages.filter { $0.connection == Connection.plugin }.compactMap {
      (try? Request(decoding: $0.message.body)).map { ($0.method, $0.payload) }
    }
  }

  private static var messages: [TrunkDecoder.Received] {
    sessions.flatMap { bytes in
      var decoder = TrunkDecoder()
      return (try? decoder.receive(bytes[...])) ?? []
    }
  }

  private static var sessions: [[UInt8]] {
    let names = ((try? Files.names(in: folder)) ?? []).sorted().filter { $0.hasSuffix(".cap") }
    return names.map { name in
      let lines = ((try? Files.read("\(folder)/\(name)")) ?? []).split(separator: UInt8(ascii: "\n"))
      return lines.map { $0.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false) }
        .filter { $0[2].first == UInt8(ascii: "R") }.flatMap { bytes(ofHex: text($0[3])) }
    }
  }

  /// Hexadecimal digits, and `(78*4096)` for 4096 bytes 78.
  private static func bytes(ofHex hex: String) -> [UInt8] {
    hex.split { $0 == "(" || $0 == ")" }.flatMap { part -> [UInt8] in
      let run = part.split(separator: "*")
      if run.count == 2 { return Array(repeating: UInt8(run[0], radix: 16) ?? 0, count: Int(run[1]) ?? 0) }
      let digits = part.utf8.map { UInt8(Character(UnicodeScalar($0)).hexDigitValue ?? 0) }
      return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
  }
}
