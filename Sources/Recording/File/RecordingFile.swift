import Policy
import System

/// A recording as a JSON document; docs/recording.md.
package enum RecordingFile {
  static let kind = "Recording"
  /// The most facts of one part.
  package static let factsMax = 65_536
  /// The most bytes of a file.
  package static let bytesMax = 32 << 20
  /// For the head of the file. The facts have what is left.
  private static let headBytesMax = 1 << 20
  /// The counter of facts that a file has no room for.
  package static let lostFacts = "facts"

  /// The document, with one fact a line. The same recording gives the same bytes. Facts that a file has no room for are
  /// left out and counted as a loss.
  package static func text(of recording: Recording) -> String {
    var room = bytesMax - headBytesMax
    var lost: UInt64 = 0
    let lists = Recording.Part.allCases.map { part in
      (part.rawValue, kept(recording.facts(of: part), &room, &lost))
    }
    var head = recording
    if lost > 0 { head.losses[lostFacts, default: 0] += lost }
    return document(head.head, head.headLists + lists)
  }

  private static func kept(_ facts: [JSON], _ room: inout Int, _ lost: inout UInt64) -> [String] {
    var kept: [String] = []
    for line in sorted(facts) {
      if kept.count < factsMax, line.utf8.count + overhead <= room {
        room -= line.utf8.count + overhead
        kept.append(line)
      } else {
        lost += 1
      }
    }
    return kept
  }

  /// Indentation, comma and line break.
  private static let overhead = 6

  static func sorted(_ facts: [JSON]) -> [String] {
    facts.map { Array($0.text.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }.map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private static func document(_ head: [(String, JSON)], _ lists: [(String, [String])]) -> String {
    let members =
      head.map { "  \(JSON.string($0.0).text): \($0.1.text)" }
      + lists.filter { !$0.1.isEmpty }.map { name, lines in
        "  \"\(name)\": [\n" + lines.map { "    " + $0 }.joined(separator: ",\n") + "\n  ]"
      }
    return "{\n" + members.joined(separator: ",\n") + "\n}\n"
  }
}

extension Recording {
  fileprivate var head: [(String, JSON)] {
    [
      ("apiVersion", .string(ProfileLayer.apiVersion)), ("kind", .string(RecordingFile.kind)),
      ("workload", .string(ByteText.written(Array(workload.utf8)))),
    ] + (image.isEmpty ? [] : [("image", .string(ByteText.written(Array(image.utf8))))]) + [
      ("tier", .string(tier.name)), ("began", .string(Timestamp.rfc3339(nanoseconds: beganNanoseconds))),
      ("seconds", .unsigned(seconds)),
    ]
  }

  fileprivate var headLists: [(String, [String])] {
    let losses = losses.map { JSON.object([("counter", .string($0.key)), ("count", .unsigned($0.value))]) }
    let unseen = unseen.map {
      JSON.object([("part", .string($0.key.rawValue)), ("reason", .string(ByteText.written(Array($0.value.utf8))))])
    }
    return [("losses", RecordingFile.sorted(losses)), ("unseen", RecordingFile.sorted(unseen))]
  }

  fileprivate func facts(of part: Part) -> [JSON] {
    switch part {
    case .execs: execs.map { .object($0.key.members, count: $0.value) }
    case .mappings: mappings.map { .object($0.key.file.members, count: $0.value) }
    case .files:
      files.map {
        .object([("path", .bytes($0.key.path)), ("access", .string($0.key.access.rawValue))], count: $0.value)
      }
    case .connections: connections.map { .object($0.key.members, count: $0.value) }
    case .binds: binds.map { .object($0.key.members, count: $0.value) }
    case .surfaces: surfaces.map { .object([("name", .string($0.key.rawValue))], count: $0.value) }
    case .families: families.map { .object([("name", .string($0.key.name))], count: $0.value) }
    case .capabilities: capabilities.map { .object([("name", .string($0.key))], count: $0.value) }
    case .syscalls:
      syscalls.flatMap { architecture, names in
        names.map { .object([("architecture", .string(architecture)), ("name", .string($0))]) }
      }
    }
  }
}

extension JSON {
  fileprivate static func object(_ members: [(String, JSON)], count: UInt64) -> JSON {
    .object(members + [("count", .unsigned(count))])
  }

  fileprivate static func bytes(_ bytes: [UInt8]) -> JSON { .string(ByteText.written(bytes)) }
}

extension Recording.File {
  fileprivate var members: [(String, JSON)] {
    [("path", .bytes(path))] + (isNew ? [("new", true)] : []) + (isFileless ? [("fileless", true)] : [])
  }
}

extension Recording.Exec {
  fileprivate var members: [(String, JSON)] {
    let words = arguments.map { [("arguments", JSON.array($0.map { .bytes($0) }))] } ?? []
    return file.members + (isEntrypoint ? [("entrypoint", true)] : []) + words
  }
}

extension Recording.Port {
  fileprivate var members: [(String, JSON)] {
    (transport.map { [("protocol", JSON.string($0.rawValue))] } ?? []) + [("port", .integer(Int64(port)))]
  }
}

extension Recording.Connection {
  fileprivate var members: [(String, JSON)] {
    [("direction", .string(direction.rawValue)), ("address", .string(CIDR.text(of: address)))] + port.members
  }
}

extension CIDR {
  /// `10.0.0.1`
  static func text(of address: [UInt8]) -> String {
    let prefix = CIDR(bytes: address, prefixLength: address.count * 8).description
    return String(prefix.prefix { $0 != "/" })
  }
}
