import Glibc
import Policy
import Seccomp
import System
import YAML

extension RecordingFile {
  /// - Throws: everything that is wrong with the file, by line.
  package static func read(_ path: String) throws(PolicyError) -> Recording {
    let bytes: [UInt8]
    do { bytes = try Files.readRegular(path, limit: bytesMax) } catch { throw .unreadable(error) }
    return try parse(bytes, file: path)
  }

  /// - Throws: everything that is wrong with any of the files.
  package static func readAll(_ paths: [String]) throws(PolicyError) -> [(file: String, recording: Recording)] {
    var recordings: [(file: String, recording: Recording)] = []
    var problems: [Problem] = []
    for path in paths {
      do throws(PolicyError) { recordings.append((path, try read(path))) } catch {
        guard case .invalid(let found) = error else { throw error }
        problems += found
      }
    }
    guard problems.isEmpty else { throw .invalid(problems) }
    return recordings
  }

  /// - Parameter file: for messages.
  package static func parse(_ bytes: [UInt8], file: String) throws(PolicyError) -> Recording {
    let problems = Problems(file: file)
    let root: Node?
    do { root = try Node.parseJSON(bytes, file: file, limits: .init(bytes: bytesMax, nodes: nodesMax)) } catch {
      throw .invalid([Problem(Location(file: file, line: error.line), error.problem)])
    }
    guard let root else {
      throw .invalid([Problem(Location(file: file, line: 1), "the file is empty; write a recording to it")])
    }
    let recording = RecordingReader(problems).recording(root)
    try problems.check()
    guard let recording else { throw .invalid([Problem(Location(file: file, line: root.line), "it is no recording")]) }
    return recording
  }

  /// Every value of every fact, for files as large as they may be.
  private static let nodesMax = 4 << 20
}

/// Reads a recording, and reports every problem of it.
struct RecordingReader {
  /// The most bytes of a text that is no path.
  static let textMaxBytes = 4096
  /// The most arguments of one exec.
  static let argumentsMax = 4096

  let problems: Problems

  init(_ problems: Problems) { self.problems = problems }

  private static let headKeys = [
    "apiVersion", "kind", "workload", "image", "tier", "began", "seconds", "losses", "unseen",
  ]

  func recording(_ root: Node) -> Recording? {
    let keys = Self.headKeys + Recording.Part.allCases.map(\.rawValue)
    guard let fields = Fields(root, Fields.root, keys: keys, problems), var recording = head(fields) else { return nil }
    for losses in facts(fields, "losses", keys: ["counter", "count"]) {
      let value = word(losses, "counter", Self.isName).flatMap { name in count(losses).map { (name, $0) } }
      add(value, to: &recording.losses, losses)
    }
    for unseen in facts(fields, "unseen", keys: ["part", "reason"]) {
      let part: Recording.Part? = required(unseen, "part") { unseen.word($0, \.rawValue) }
      let value = part.flatMap { part in shortText(unseen, "reason").map { (part, $0) } }
      add(value, to: &recording.unseen, unseen)
    }
    for part in Recording.Part.allCases { read(part, fields, into: &recording) }
    return recording
  }

  private func head(_ fields: Fields) -> Recording? {
    for (key, value) in [("apiVersion", ProfileLayer.apiVersion), ("kind", RecordingFile.kind)] {
      fields.require(key, "\(key): \(value)")
      if let text = fields.text(key), text != value {
        problems.add(fields.line(of: key), "\(key) is \(quoted(text)); write \(value)")
      }
    }
    let tier: Tier? = required(fields, "tier") { fields.word($0, \.name) }
    let began = required(fields, "began") { fields.text($0) }.flatMap { time($0, fields) }
    let seconds = required(fields, "seconds") { fields.unsigned($0) }
    let image = fields.has("image") ? shortText(fields, "image") : ""
    guard let workload = shortText(fields, "workload"), let image, let tier, let began, let seconds else { return nil }
    var recording = Recording(workload: workload, tier: tier, beganNanoseconds: began, seconds: seconds)
    recording.image = image
    return recording
  }

  private func time(_ text: String, _ fields: Fields) -> Int64? {
    if let time = Timestamp.nanoseconds(rfc3339: text) { return time }
    problems.add(fields.line(of: "began"), "began is \(quoted(text)); write a time like 2026-01-31T09:30:00.000000000Z")
    return nil
  }

  private func read(_ part: Recording.Part, _ fields: Fields, into recording: inout Recording) {
    let name = part.rawValue
    switch part {
    case .execs:
      for fact in facts(fields, name, keys: ["path", "new", "fileless", "entrypoint", "arguments", "count"]) {
        add(counted(fact, exec(fact)), to: &recording.execs, fact)
      }
    case .mappings:
      for fact in facts(fields, name, keys: ["path", "new", "fileless", "count"]) {
        add(counted(fact, file(fact).map(Recording.Mapped.init)), to: &recording.mappings, fact)
      }
    case .files:
      for fact in facts(fields, name, keys: ["path", "access", "count"]) {
        let access: Access? = required(fact, "access") { fact.word($0, \.rawValue) }
        let use = access.flatMap { access in path(fact).map { Recording.FileUse(path: $0, access: access) } }
        add(counted(fact, use), to: &recording.files, fact)
      }
    case .connections:
      for fact in facts(fields, name, keys: ["direction", "address", "protocol", "port", "count"]) {
        add(counted(fact, connection(fact)), to: &recording.connections, fact)
      }
    case .binds:
      for fact in facts(fields, name, keys: ["protocol", "port", "count"]) {
        add(counted(fact, port(fact)), to: &recording.binds, fact)
      }
    case .surfaces:
      for fact in facts(fields, name, keys: ["name", "count"]) {
        let surface: KernelSurface? = required(fact, "name") { fact.word($0, \.rawValue) }
        add(counted(fact, surface), to: &recording.surfaces, fact)
      }
    case .families:
      for fact in facts(fields, name, keys: ["name", "count"]) {
        let family: SocketFamily? = required(fact, "name") { fact.word($0, \.name) }
        add(counted(fact, family), to: &recording.families, fact)
      }
    case .capabilities:
      for fact in facts(fields, name, keys: ["name", "count"]) {
        add(counted(fact, word(fact, "name", Capabilities.names.contains)), to: &recording.capabilities, fact)
      }
    case .syscalls: readCalls(fields, into: &recording)
    }
  }

  /// Those of the nodes on which Stockade runs.
  private static let architectures = Architecture.allCases.flatMap { [$0.ociName] + $0.compatible }

  private func readCalls(_ fields: Fields, into recording: inout Recording) {
    for fact in facts(fields, Recording.Part.syscalls.rawValue, keys: ["architecture", "name"]) {
      let architecture = word(fact, "architecture", Self.architectures.contains)
      guard let architecture, let name = word(fact, "name", Self.isName) else { continue }
      if !recording.syscalls[architecture, default: []].insert(name).inserted { reportRepeated(fact) }
    }
  }
}
