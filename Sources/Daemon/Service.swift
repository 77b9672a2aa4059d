import Enforcement
import Events
import Glibc
import Logging
import NRI
import Policy
import Seccomp
import Synchronization
import System

/// The two ways to run: launched by the runtime, and as a service of its own.
package enum Service {
  /// The runtime's environment variables for a plugin that it launches.
  private static let socketVariable = "NRI_PLUGIN_SOCKET"

  package static var isLaunched: Bool { getenv(socketVariable) != nil }

  /// Serves the connection that the runtime handed over, until it is closed: a plugin that outlives it would be a
  /// duplicate when the runtime comes back.
  package static func launched() -> Int32 {
    let log = Logger(label: "stockade") { _ in SystemLog(level: .info) }
    guard let text = getenv(socketVariable).map({ String(cString: $0) }), let number = Int32(text), number > 2 else {
      log.critical("\(socketVariable) is not the number of a socket")
      return 2
    }
    let socket = FileDescriptor(owning: number)
    let name = getenv("NRI_PLUGIN_NAME").map { String(cString: $0) } ?? "stockade"
    let index = getenv("NRI_PLUGIN_IDX").map { String(cString: $0) } ?? "10"
    do {
      let daemon = try Daemon(
        socket: socket, source: .runtime, defaultEventsFile: Node.launchedEventsFile, log: log)
      defer { daemon.node.stop() }
      _ = try PluginSession(socket: socket, name: name, index: index, handler: daemon.plugin).run()
      return 0
    } catch {
      log.critical("stopped", metadata: ["reason": "\(error)"])
      return 1
    }
  }

  package struct RunOptions: Sendable {
    package var configurationFile: String?
    package var socketPath = NRISocket.defaultPath
    package var name = "stockade"
    package var index = "10"
    package init() {}

    /// Whether the runtime takes a plugin of this name and index.
    package var isNamedWell: Bool { (try? PluginSession.check(name: name, index: index)) != nil }

    /// What cannot work, whatever the runtime does.
    func check() throws {
      try NRISocket.check(socketPath)
      if let configurationFile { try SettingsLoader.check(file: configurationFile) }
    }
  }

  /// Connects to the runtime's socket, and again whenever the connection ends, until SIGTERM or SIGINT.
  package static func run(_ options: RunOptions) -> Int32 {
    let log = Logger(label: "stockade") { _ in StandardErrorLog(level: .info) }
    // Before the socket is waited for: nobody would look at the log of a service that only seems to wait.
    do { try options.check() } catch {
      log.critical("\(error)")
      return 2
    }
    guard geteuid() == 0 else {
      log.critical("stockade run needs root: it loads BPF programs and makes pins below \(Node.pinFolder)")
      return 1
    }
    let stop = StopSignal()
    var backOff = BackOff()
    var daemon: Daemon?
    defer { daemon?.node.stop() }
    while !stop.isSet {
      do {
        let socket = try NRISocket.connect(to: options.socketPath)
        let current = try daemon ?? make(socket, options, log)
        daemon = current
        try current.checkRuntime(of: socket)
        stop.shutDownOnSignal(socket)
        _ = try PluginSession(socket: socket, name: options.name, index: options.index, handler: current.plugin).run()
        if stop.isSet { break }
        log.warning("the runtime closed the connection")
        backOff.reset()
      } catch let error as ConfigurationProblem {
        log.critical("\(error)")
        return 2
      } catch {
        log.warning("no connection to the runtime", metadata: ["reason": "\(error)"])
      }
      stop.wait(milliseconds: backOff.nextMilliseconds())
    }
    return 0
  }

  private static func make(_ socket: FileDescriptor, _ options: RunOptions, _ log: Logger) throws -> Daemon {
    let path = options.configurationFile
    return try Daemon(
      socket: socket, source: .file(path ?? Daemon.configurationFile, required: path != nil), defaultEventsFile: nil,
      log: log)
  }
}

/// A configuration that was named on the command line and cannot be used: nothing to try again.
package struct ConfigurationProblem: Error, CustomStringConvertible {
  package let description: String
}

/// Doubling waits with jitter, so that the plugins of many nodes do not come back at one moment.
struct BackOff {
  private static let firstMilliseconds = 200
  private static let longestMilliseconds = 10_000
  private var milliseconds = BackOff.firstMilliseconds

  mutating func nextMilliseconds() -> Int {
    defer { milliseconds = min(milliseconds * 2, Self.longestMilliseconds) }
    return milliseconds / 2 + Int.random(in: 0...milliseconds / 2)
  }

  mutating func reset() { milliseconds = Self.firstMilliseconds }
}
