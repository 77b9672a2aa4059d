import Compilation
import Daemon
import Events
import Logging
import Policy
import Seccomp
import Synchronization
import System
import Try

/// The plugin as `stockade try` runs it: the same as on a node, but its pins belong to this process alone.
enum TryCommand {
  /// How long to wait for what is left for the file of events when a container has ended.
  private static let flushMilliseconds = 1000

  static func makePlugin(_ surroundings: PluginEnvironment) throws -> PluginUnderTry {
    let log = logger(surroundings)
    let environment = try SeccompEnvironment.thisNode()
    let given = try givenProfile(surroundings, environment)
    let daemon = try Daemon(
      trying: surroundings.bpffs + "/stockade", runtimeMountNamespace: UInt64(Files.status("/proc/self/ns/mnt").st_ino),
      log: log
    ) { text, node in
      let configuration = try configuration(text, surroundings)
      return Settings(
        configuration: configuration,
        profiles: profiles(surroundings, configuration, given, node, environment))
    }
    let (node, lines) = (daemon.node, EventLines())
    let recording = try surroundings.recording.map {
      try TryRecording(node, path: $0, command: surroundings.command)
    }
    let told =
      if let record = surroundings.record {
        node.events.subscribe("records", .lines(EventLineFormat(), { record($0) }))
      } else {
        node.events.subscribe("lines", .events { lines.add($0) })
      }
    return PluginUnderTry(
      handler: daemon.plugin, profileName: given?.names.first,
      events: {
        node.idle.finish(milliseconds: flushMilliseconds)
        node.checkTier()
        node.pump?.drain()
        // This takes as long as everything else that is printed.
        while !told.flush(milliseconds: flushMilliseconds) {}
        node.events.finish(milliseconds: flushMilliseconds, log: log)
        do { try recording?.collect() } catch {
          log.error("a container's recording cannot be read", metadata: ["reason": "\(error)"])
        }
        return lines.take()
      }, settle: node.filters.settle, writeRecording: { try recording?.write() ?? [] }, end: daemon.stop)
  }

  private static func detail(_ surroundings: PluginEnvironment) -> RecordingDetail {
    if surroundings.recording == nil { return .nothing }
    return surroundings.recordsArguments ? .factsWithArguments : .facts
  }

  /// `--profile`'s. If there is none and the container is recorded, a profile that denies nothing.
  private static func givenProfile(
    _ surroundings: PluginEnvironment, _ environment: SeccompEnvironment
  ) throws -> LoadedProfiles? {
    if let file = surroundings.profile {
      return try LoadedProfiles(file: file, environment: environment, recording: detail(surroundings))
    }
    guard surroundings.recording != nil, surroundings.configuration == nil else { return nil }
    return try LoadedProfiles(.ofUnconfined, folder: ".", environment: environment, recording: detail(surroundings))
  }

  private static func logger(_ surroundings: PluginEnvironment) -> Logger {
    Logger(label: "stockade") { _ in
      if let record = surroundings.record { return JSONLogHandler(level: .warning, record: record) }
      return StandardErrorLog(level: .warning)
    }
  }

  private static func configuration(_ text: String, _ surroundings: PluginEnvironment) throws -> NodeConfiguration {
    var configuration = try NodeConfiguration.parse(
      Array(text.utf8), file: surroundings.configuration ?? "the configuration")
    if text.isEmpty { configuration.logLevel = .warning }
    return configuration
  }

  /// With `--config`: the profiles of its folder, and the profile of `--profile`, which wins over a profile of the same
  /// name. If `--profile` is given, the folder may be missing.
  private static func profiles(
    _ surroundings: PluginEnvironment, _ configuration: NodeConfiguration, _ given: LoadedProfiles?,
    _ node: ConfinedNode, _ environment: SeccompEnvironment
  ) -> LoadedProfiles {
    if let given, surroundings.configuration == nil { return given }
    let profiles = LoadedProfiles(
      folder: configuration.profilesFolder, environment: environment, recording: detail(surroundings))
    if given == nil || Files.exists(configuration.profilesFolder) { node.reload(profiles) }
    if let given { profiles.adopt(given) }
    node.tellIdle(configuration)
    node.tellMissing(of: configuration, in: profiles)
    return profiles
  }

  /// What happened since somebody last asked.
  private final class EventLines: Sendable {
    private let digest = Mutex(EventDigest())
    func add(_ event: Event) { digest.withLock { $0.add(event) } }
    func take() -> [String] {
      digest.withLock { digest in
        defer { digest = EventDigest() }
        return digest.text
      }
    }
  }
}
