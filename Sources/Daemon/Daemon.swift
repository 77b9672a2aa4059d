import Events
import Logging
import NRI
import Seccomp
import Status
import System
import YAML

/// One Stockade on a node. Only this class makes, connects and starts the plugin and what stands behind it.
package final class Daemon {
  package static let configurationFile = "/etc/stockade/stockade.yaml"
  private static let runtimeFolder = "/etc/nri/conf.d"

  package let node: ConfinedNode
  package let plugin: Plugin
  private let runtimeMountNamespace: UInt64

  /// Where the configuration is.
  package enum Source: Sendable {
    /// The text that the runtime sends in Configure. If that is empty, the usual file.
    case runtime
    /// A file, whatever the runtime sends. If the file is required and cannot be used, there is no daemon. If it is not
    /// required and is broken, every container is refused.
    case file(String, required: Bool)
    /// What the runtime sent to the plugin that it launched under that name, whatever the runtime sends now. nil: the
    /// text is not known, and the files are read that the runtime usually reads. If there are none, the configuration
    /// is broken.
    case launched(text: String?, name: String, index: String)

    fileprivate var mode: NodeStatus.Mode {
      switch self {
      case .runtime: .launched
      case .file: .service
      case .launched: .kept
      }
    }
  }

  /// - Parameters:
  ///   - socket: connected to the runtime. The runtime's mount namespace tells its own processes from the containers'.
  ///   - defaultEventsFile: nil: standard output.
  ///   - restarts: how many Stockades a keeper has started, this one included.
  /// - Throws: also if a required configuration file cannot be used.
  package init(
    socket: FileDescriptor, source: Source, defaultEventsFile: String?, restarts: UInt64 = 0, log: Logger
  ) throws {
    runtimeMountNamespace = try NRISocket.peerMountNamespace(of: socket)
    // This comes first: a configuration that cannot be used is found before anything is pinned.
    let loader = SettingsLoader(environment: try SeccompEnvironment.thisNode(), log: log)
    let load = try Self.load(from: source, by: loader)
    let node = try ConfinedNode(runtimeMountNamespace: runtimeMountNamespace, mode: source.mode, log: log)
    node.counts.change { $0.set(NodeMetric.keeperRestarts, to: restarts) }
    node.startSweeping()
    node.serveControl()
    if case .runtime = source {
      plugin = Self.plugin(node, log) { text in
        let settings = try load(text)
        node.begin(settings, defaultEventsFile: defaultEventsFile)
        return settings
      }
    } else {
      // The text that the runtime sends changes nothing here, so the profiles are read before the runtime is answered.
      if let settings = try? load("") { node.begin(settings, defaultEventsFile: defaultEventsFile) }
      plugin = Self.plugin(node, log, load)
    }
    self.node = node
  }

  /// A daemon for a trial. Its pins are in another place. It sweeps nothing, follows no profiles and closes no gate of
  /// the node. At its end it takes nothing out of the kernel.
  ///
  /// - Parameter load: makes settings from the text of Configure.
  /// - Parameter load: settings by the text of Configure.
  package init(
    trying pinFolder: String, runtimeMountNamespace: UInt64, log: Logger,
    load: @escaping (_ text: String, ConfinedNode) throws -> Settings
  ) throws {
    self.runtimeMountNamespace = runtimeMountNamespace
    let node = try ConfinedNode(pinFolder: pinFolder, runtimeMountNamespace: runtimeMountNamespace, log: log)
    self.node = node
    plugin = Self.plugin(node, log) { text in
      let settings = try load(text, node)
      let configuration = settings.configuration
      if let path = configuration.eventsFile { node.writeEvents(to: path, EventLineFormat(configuration)) }
      return settings
    }
  }

  private static func plugin(
    _ node: ConfinedNode, _ log: Logger, _ load: @escaping (_ text: String) throws -> Settings
  ) -> Plugin {
    Plugin(
      enforcer: node.enforcer, log: log, idle: node.idle, filters: node.filters, session: node.session,
      counts: node.counts, didConfigure: { node.carryEvents() }, load: load)
  }

  /// Ends what was started.
  package func stop() { node.stop() }

  /// A file is read now, and only once. Nothing is started.
  static func load(from source: Source, by loader: SettingsLoader) throws -> (String) throws -> Settings {
    switch source {
    case .runtime: return { text in try load(launched: text, by: loader) }
    case .launched(let text, let name, let index):
      let settings = Result {
        try text.map { try load(launched: $0, by: loader) } ?? loadUsual(name, index, by: loader)
      }
      return { _ in try settings.get() }
    case .file(let path, let required):
      let settings = Result { try loader.load(file: path, required: required) }
      if required, case .failure(let error) = settings { throw ConfigurationProblem(description: "\(error)") }
      return { _ in try settings.get() }
    }
  }

  private static func load(launched text: String, by loader: SettingsLoader) throws -> Settings {
    text.isEmpty
      ? try loader.load(file: configurationFile, required: false)
      : try loader.load(Array(text.utf8), file: "the configuration in the runtime's NRI folder")
  }

  /// What the runtime sends to a plugin that it launches, read where it usually lies. The runtime may be configured to
  /// have it elsewhere, so finding nothing means nothing.
  static func loadUsual(
    _ name: String, _ index: String, folder: String = runtimeFolder, file: String = configurationFile,
    by loader: SettingsLoader
  ) throws -> Settings {
    loader.log.warning("the launched plugin ended before it was configured; its configuration is read from files")
    for path in ["\(index)-\(name).conf", "\(name).conf"].map({ "\(folder)/\($0)" }) {
      guard let text = try SettingsLoader.readIfThere(path) else { continue }
      return text.isEmpty ? try loader.load(file: file, required: false) : try loader.load(text, file: path)
    }
    return try loader.load(file: file, required: true)
  }

  /// If the runtime came back in another mount namespace, its own processes would be judged as a container's.
  package func checkRuntime(of socket: FileDescriptor) throws {
    let found = try NRISocket.peerMountNamespace(of: socket)
    if found != runtimeMountNamespace {
      throw ConfigurationProblem(
        description:
          "the runtime has moved to another mount namespace (\(runtimeMountNamespace) to \(found)); restart stockade")
    }
  }
}
