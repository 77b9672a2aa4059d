import CommandOptions
import Glibc
import NRI
import System

/// `stockade try`: runs a command in a runc container under a profile, driving the plugin as containerd does.
package enum Try {
  package typealias PluginMaker = (PluginEnvironment) throws -> PluginUnderTry

  /// The command. Call it on a thread that may change its mount namespace: on the main thread, before anything else.
  ///
  /// - Parameters:
  ///   - arguments: the arguments after `try`.
  ///   - makePlugin: called in that mount namespace; an error that it throws is printed and ends the command.
  /// - Returns: the exit status.
  package static func main(_ arguments: [String], makePlugin: PluginMaker) -> Int32 {
    Options.syntax.main(arguments, Options()) { options in run(options, makePlugin: makePlugin) }
  }

  /// Runs what was asked for and reports it, the result last.
  static func run(_ options: Options, makePlugin: PluginMaker) -> Int32 {
    let report = Report(writesRecords: options.writesRecords)
    var result = SeriesResult()
    do {
      try runInWorkspace(options, report, makePlugin, &result)
      report.result(result, failure: nil)
      return result.status
    } catch {
      report.result(result, failure: error)
      return error.exitStatus
    }
  }

  private static func runInWorkspace(
    _ options: Options, _ report: Report, _ makePlugin: PluginMaker, _ result: inout SeriesResult
  ) throws(TryError) {
    umask(0o022)
    try Requirements.check(options)
    // This is read while signals still end us: it may be a pipe to which nobody writes.
    let configuration = try system { () throws(Errno) in try options.pluginConfiguration.map(Files.text) ?? "" }
    let signals = try Signals()
    let workspace = try Workspace()
    let cleanUp = try CleanUp(workspace)
    var plugin: PluginUnderTry?
    let series = Result { () throws(TryError) in
      try workspace.setUp(rootfs: options.rootfs)
      let made = try make(makePlugin, options, workspace, report)
      plugin = made
      let series = Series(
        options: options, configuration: configuration, report: report, workspace: workspace, signals: signals,
        plugin: made)
      return try series.run()
    }
    let end = Result { () throws(TryError) in try cleanUp.run() }
    // Reports what processes did that outlived their container.
    for line in plugin?.events() ?? [] { report.message(line) }
    let recording = Result { () throws(TryError) in try tellRecording(of: plugin, report) }
    plugin?.end()
    if case .success(let value) = series { result = value }
    try end.get()
    _ = try series.get()
    try recording.get()
  }

  private static func tellRecording(of plugin: PluginUnderTry?, _ report: Report) throws(TryError) {
    do { for line in try plugin?.writeRecording() ?? [] { report.message(line) } } catch {
      throw .notRecorded("\(error)")
    }
  }

  private static func make(
    _ makePlugin: PluginMaker, _ options: Options, _ workspace: Workspace, _ report: Report
  ) throws(TryError) -> PluginUnderTry {
    let environment = PluginEnvironment(
      profile: options.profile, configuration: options.pluginConfiguration, bpffs: workspace.bpffs,
      recording: options.record, recordsArguments: options.recordsArguments, command: options.command,
      record: report.recordWriter)
    do { return try makePlugin(environment) } catch { throw .pluginNotMade("\(error)") }
  }
}
