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
    let given = try surroundings.profile.map { try LoadedProfiles(file: $0, environment: environment) }
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
    let told =
      if let record = surroundings.record {
        node.events.subscribe("records", receive: { record($0.line) })
      } else {
        node.events.subscribe("lines", receive: { lines.add($0.event) })
      }
    return PluginUnderTry(
      handler: daemon.plugin, profileName: given?.names.first,
      events: {
        node.checkTier()
        node.pump?.drain()
        // This takes as long as everything else that is printed.
        while !told.flush(milliseconds: flushMilliseconds) {}
        node.events.finish(milliseconds: flushMilliseconds, log: log)
        return lines.take()
      }, end: daemon.stop)
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
    let profiles = LoadedProfiles(folder: configuration.profilesFolder, environment: environment)
    if given == nil || Files.exists(configuration.profilesFolder) { node.reload(profiles) }
    if let given { profiles.adopt(given) }
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
