import Glibc
import NRI
import NRIRuntime
import System

/// What the maker of a plugin is told: where things are in this `try`.
package struct PluginEnvironment: Sendable {
  /// `--profile`; nil: it was not given.
  package var profile: String?
  /// `--config`; nil: it was not given.
  package var configuration: String?
  /// A BPF file system that only this process sees. What is pinned there goes with the process.
  package var bpffs: String
  /// `--record`; nil: it was not given.
  package var recording: String?
  /// `--record-arguments`
  package var recordsArguments = false
  /// What is run in the container.
  package var command: [String] = []
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
  /// Waits for what the plugin's answer to StartContainer does not wait for. Called on the main thread, before the
  /// container's first program runs.
  package var settle: () -> Void
  /// Writes the recording, once, after the last call of `events`, whatever ended the run. Returns what is said of it,
  /// in lines.
  package var writeRecording: () throws -> [String]
  /// Ends the plugin's threads. Called last, on the main thread.
  package var end: () -> Void

  package init(
    handler: any PluginHandler, profileName: String?, events: @escaping () -> [String],
    settle: @escaping () -> Void = {}, writeRecording: @escaping () throws -> [String] = { [] },
    end: @escaping () -> Void = {}
  ) {
    self.handler = handler
    self.profileName = profileName
    self.events = events
    self.settle = settle
    self.writeRecording = writeRecording
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
      do { _ = try session.run() } catch { report.message("the plugin's session broke: \(error)") }
    }
  }

  init(
    handler: any PluginHandler, times: CallTimes?, options: Options, configuration: String, report: Report
  ) throws(TryError) {
    let (runtimeEnd, pluginEnd) = try system { () throws(Errno) in try FileDescriptor.connectedPair() }
    socket = runtimeEnd
    let plugin: PluginSession
    do {
      plugin = try PluginSession(socket: pluginEnd, name: "stockade", index: "10", handler: handler, observer: times)
    } catch { throw .plugin(.session(error)) }
    let side = PluginSide(plugin, report)
    thread = try system { () throws(Errno) in try Thread { side.serve() } }
    runtime = RuntimeConnection(
      socket: socket, version: options.nriVersion, configuration: configuration,
      requestTimeoutMilliseconds: Int64(options.answerMilliseconds))
    try nri { [runtime] () throws(NRIRuntimeError) in try runtime.accept() }
  }

  /// Closes our end and waits for the plugin's.
  func end() {
    shutdown(socket.number, Int32(SHUT_RDWR))
    thread.join()
  }
}

/// Runs `body`, and turns its error into an error of this module.
@discardableResult
func nri<Result>(_ body: () throws(NRIRuntimeError) -> Result) throws(TryError) -> Result {
  do { return try body() } catch { throw .plugin(error) }
}
