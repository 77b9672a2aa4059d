import Glibc
import NRI
import System

/// What the maker of a plugin is told: where things are in this `try`.
package struct PluginEnvironment: Sendable {
  /// `--profile`; nil: it was not given.
  package var profile: String?
  /// `--config`; nil: it was not given.
  package var configuration: String?
  /// A BPF file system that only this process sees. What is pinned there goes with the process.
  package var bpffs: String
  /// Writes a line of JSON, from any thread; nil: lines for people are wanted.
  package var record: (@Sendable (String) -> Void)?
}

/// A plugin in the form that `try` needs.
package struct PluginUnderTry {
  package var handler: any PluginHandler
  /// The name of `--profile`'s profile, with which the pod is annotated; nil: bindings choose.
  package var profileName: String?
  /// What was denied or audited since the last call, and how much of it is missing, in lines for people. If records are
  /// written instead, they are written by the time this returns. Called on the main thread, between calls of the
  /// handler's methods, when a container has ended, and once when everything is over.
  package var events: () -> [String]
  /// Ends the plugin's threads. Called last, on the main thread.
  package var end: () -> Void

  package init(
    handler: any PluginHandler, profileName: String?, events: @escaping () -> [String],
    end: @escaping () -> Void = {}
  ) {
    self.handler = handler
    self.profileName = profileName
    self.events = events
    self.end = end
  }
}

/// An NRI session over a socket pair. The plugin runs on a thread of its own, the runtime's half on the caller's
/// thread.
final class Session {
  let runtime: RuntimeConnection
  private let socket: FileDescriptor
  private let thread: Thread

  /// What the thread gets. It is handed over whole before the thread starts, and the starter does not touch it again.
  private final class PluginSide: @unchecked Sendable {
    let session: PluginSession
    let report: Report
    init(_ session: PluginSession, _ report: Report) { (self.session, self.report) = (session, report) }

    func serve() {
      do throws(NRIError) { _ = try session.run() } catch { report.message("the plugin's session broke: \(error)") }
    }
  }

  init(handler: any PluginHandler, options: Options, configuration: String, report: Report) throws(TryError) {
    let (runtimeEnd, pluginEnd) = try system { () throws(Errno) in try FileDescriptor.connectedPair() }
    socket = runtimeEnd
    let plugin = try nri { () throws(NRIError) in
      try PluginSession(socket: pluginEnd, name: "stockade", index: "10", handler: handler)
    }
    let side = PluginSide(plugin, report)
    thread = try system { () throws(Errno) in try Thread { side.serve() } }
    runtime = RuntimeConnection(socket: socket, version: options.nriVersion, configuration: configuration)
    try nri { [runtime] () throws(NRIError) in try runtime.accept() }
  }

  /// Closes our end and waits for the plugin's.
  func end() {
    shutdown(socket.number, Int32(SHUT_RDWR))
    thread.join()
  }
}

/// Runs `body`, and turns its NRI error into an error of this module.
@discardableResult
func nri<Result>(_ body: () throws(NRIError) -> Result) throws(TryError) -> Result {
  do throws(NRIError) { return try body() } catch { throw .plugin(error) }
}
