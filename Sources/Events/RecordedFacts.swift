import BPF
import Policy
import Recording

/// What the kernel told of one recorded container, each thing once.
package struct RecordedFacts: Sendable {
  /// Of one container. As many as the kernel remembers, and as much memory as they may take.
  package static let maximum = Recordings.factsMaximum
  package static let maximumBytes = 24 << 20

  /// Names of what is missing, beside the kernel's counters.
  package enum Loss: String, CaseIterable, Sendable {
    /// Facts for which there was no room.
    case factsUnkept
    /// Files that no rule can name: they have no path, or a longer one than an event takes.
    case pathUnknown
    /// Packets that could not be read.
    case packetUnknown
    /// System calls that have no name here.
    case syscallUnknown
    /// What came after the container had been taken over anew, without its recording.
    case endedEarly
  }

  private enum Fact: Hashable {
    /// `isLoaded`: the kernel told of it with the arguments. Where a tier judges files before they are loaded, it tells
    /// of each file, and of the program a second time when that is loaded.
    case exec(Recording.Exec, isLoaded: Bool)
    case mapped(Recording.Mapped)
    case file(Recording.FileUse)
    case connection(Recording.Connection)
    case bind(Recording.Port)
    case surface(KernelSurface)
    case family(SocketFamily)
    case unknown(Loss)
  }

  /// By the first half of the fact's key, with how often its event came. An access can be two facts.
  private var facts: [UInt64: (facts: [Fact], seen: UInt64)] = [:]
  private var bytes = 0
  private var unkept: UInt64 = 0

  package init() {}

  package var count: Int { facts.count }

  package mutating func add(_ event: KernelEvent) {
    guard let key = event.recordedAs else { return }
    if facts[key] != nil { return facts[key]!.seen += 1 }
    let found = Self.facts(of: event)
    // What a dictionary and its values take beside the bytes, at most.
    let size = event.path.count + event.arguments.reduce(0) { $0 + $1.count + 32 } + 256
    guard facts.count < Self.maximum, bytes + size <= Self.maximumBytes else {
      unkept += 1
      return
    }
    bytes += size
    facts[key] = (found, 1)
  }

  // MARK: From events

  private static func facts(of event: KernelEvent) -> [Fact] {
    switch event.kind {
    case .exec: [file(event).map { exec($0, event) } ?? .unknown(.pathUnknown)]
    case .map: [file(event).map { .mapped(.init(file: $0)) } ?? .unknown(.pathUnknown)]
    case .file:
      hasPath(event)
        ? event.access.map { .file(.init(path: event.path.isEmpty ? root : event.path, access: $0)) }
        : [.unknown(.pathUnknown)]
    case .connect, .sendmsg, .egress: [connection(event, .egress)]
    case .ingress: [connection(event, .ingress)]
    case .bind: [event.peer.map { .bind(port($0, .ingress)) } ?? .unknown(.packetUnknown)]
    case .kernel: event.surface.map { [.surface($0)] } ?? event.socketFamily.map { [.family($0)] } ?? []
    case .socket, .left, .trace, .protected, .syscall: []
    }
  }

  private static let root = [UInt8(ascii: "/")]

  private static func hasPath(_ event: KernelEvent) -> Bool {
    !event.pathIsTruncated && event.reason != .unknownPath && event.reason != .overLongPath
  }

  /// A path that means nothing may be truncated.
  private static func file(_ event: KernelEvent) -> Recording.File? {
    let isFileless = event.reason == .fileless
    guard isFileless || hasPath(event) && !event.path.isEmpty else { return nil }
    return .init(path: event.path, isNew: event.isNew, isFileless: isFileless)
  }

  private static func exec(_ file: Recording.File, _ event: KernelEvent) -> Fact {
    let isLoaded = !event.arguments.isEmpty || event.argumentsAreTruncated
    let arguments = isLoaded && !event.argumentsAreTruncated ? event.arguments : nil
    return .exec(.init(file: file, isEntrypoint: event.isOfEntrypoint, arguments: arguments), isLoaded: isLoaded)
  }

  private static func connection(_ event: KernelEvent, _ direction: Recording.Direction) -> Fact {
    guard let peer = event.peer, event.reason != .unparsedPacket else { return .unknown(.packetUnknown) }
    return .connection(.init(direction: direction, address: peer.address, port: port(peer, direction)))
  }

  private static func port(_ peer: KernelEvent.Peer, _ direction: Recording.Direction) -> Recording.Port {
    let transport = PortRule.TransportProtocol(number: peer.protocolNumber)
    let port = direction == .egress ? peer.port : peer.localPort
    return .init(transport: transport, port: transport == nil ? 0 : port)
  }

  // MARK: To a recording

  /// Adds everything to a recording.
  ///
  /// - Parameter counts: what the kernel counted. A fact that it had no room for is counted by its events.
  package func fill(_ recording: inout Recording, _ counts: RecordingCounts) {
    let loaded = counts.hasArguments ? loadedFiles : []
    for (key, (facts, seen)) in facts {
      let count = Swift.max(counts.facts[key] ?? 0, seen)
      for fact in facts {
        if case .exec(let exec, isLoaded: false) = fact, loaded.contains(exec.file) { continue }
        Self.add(fact, count, withArguments: counts.hasArguments, to: &recording)
      }
    }
    recording.lose(KernelCounter.eventsDroppedFull.rawValue, counts.lost)
    recording.lose(Loss.factsUnkept.rawValue, unkept)
  }

  private var loadedFiles: Set<Recording.File> {
    Set(
      facts.values.flatMap { value in
        value.facts.compactMap { if case .exec(let exec, true) = $0 { exec.file } else { nil } }
      })
  }

  private static func add(_ fact: Fact, _ count: UInt64, withArguments: Bool, to recording: inout Recording) {
    switch fact {
    case .exec(var exec, _):
      if !withArguments { exec.arguments = nil }
      recording.execs[exec, default: 0] += count
    case .mapped(let mapped): recording.mappings[mapped, default: 0] += count
    case .file(let use): recording.files[use, default: 0] += count
    case .connection(let connection): recording.connections[connection, default: 0] += count
    case .bind(let port): recording.binds[port, default: 0] += count
    case .surface(let surface): recording.surfaces[surface, default: 0] += count
    case .family(let family): recording.families[family, default: 0] += count
    case .unknown(let loss): recording.lose(loss.rawValue, count)
    }
  }
}

extension Recording {
  /// Notes that so much is missing, if it is.
  package mutating func lose(_ what: String, _ count: UInt64) {
    if count > 0 { losses[what, default: 0] += count }
  }
}
