import Logging
import NRI
import Seccomp
import System

/// One Stockade on a node: the plugin, and what stands behind it.
package final class Daemon {
  package static let configurationFile = "/etc/stockade/stockade.yaml"

  package let node: Node
  package let plugin: Plugin
  private let runtimeMountNamespace: UInt64

  /// Where the configuration is.
  package enum Source: Sendable {
    /// The text that the runtime sends in Configure; where it is empty, the usual file.
    case runtime
    /// A file, whatever the runtime sends. Where it is required and cannot be used, there is no daemon; else a broken
    /// one refuses every container.
    case file(String, required: Bool)
  }

  /// - Parameters:
  ///   - socket: connected to the runtime, whose mount namespace tells its own processes from the containers'.
  ///   - defaultEventsFile: nil: standard output.
  /// - Throws: also where a required configuration file cannot be used.
  package init(socket: FileDescriptor, source: Source, defaultEventsFile: String?, log: Logger) throws {
    runtimeMountNamespace = try NRISocket.peerMountNamespace(of: socket)
    node = try Node(runtimeMountNamespace: runtimeMountNamespace, log: log)
    let loader = SettingsLoader(
      node: node, environment: try SeccompEnvironment.thisNode(), defaultEventsFile: defaultEventsFile, log: log)
    plugin = Plugin(
      enforcer: node.enforcer, tierReason: node.tierReason, log: log,
      didConfigure: { [node] in node.carryEvents() }, load: try Self.load(from: source, by: loader))
    node.startSweeping()
  }

  /// A file is read now, once.
  static func load(from source: Source, by loader: SettingsLoader) throws -> (String) throws -> Settings {
    switch source {
    case .runtime:
      return { text in
        text.isEmpty
          ? try loader.load(file: configurationFile, required: false)
          : try loader.load(Array(text.utf8), file: "the configuration in the runtime's NRI folder")
      }
    case .file(let path, let required):
      let settings = Result { try loader.load(file: path, required: required) }
      if required, case .failure(let error) = settings { throw ConfigurationProblem(description: "\(error)") }
      return { _ in try settings.get() }
    }
  }

  /// A runtime that came back in another mount namespace would have its own processes judged as a container's.
  package func checkRuntime(of socket: FileDescriptor) throws {
    let found = try NRISocket.peerMountNamespace(of: socket)
    if found != runtimeMountNamespace {
      throw ConfigurationProblem(
        description:
          "the runtime has moved to another mount namespace (\(runtimeMountNamespace) to \(found)); restart stockade")
    }
  }
}
