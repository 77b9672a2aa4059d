import CommandOptions
import Glibc
import NRI
import System

/// `stockade try`: runs a command in a runc container under a profile, driving the plugin as containerd does.
package enum Try {
  package typealias PluginMaker = (PluginEnvironment) throws -> PluginUnderTry

  /// The command. To be called on a thread that may change its mount namespace: the main thread, first of all.
  ///
  /// - Parameters:
  ///   - arguments: those after `try`.
  ///   - makePlugin: called in that mount namespace; an error it throws is printed and ends the command.
  /// - Returns: the exit status.
  package static func main(_ arguments: [String], makePlugin: PluginMaker) -> Int32 {
    Options.syntax.main(arguments, Options()) { options in
      do throws(TryError) { return try run(options, makePlugin: makePlugin) } catch {
        report(error.description)
        return error.exitStatus
      }
    }
  }

  static func run(_ options: Options, makePlugin: PluginMaker) throws(TryError) -> Int32 {
    umask(0o022)
    try Requirements.check(options)
    let signals = try Signals()
    let workspace = try Workspace()
    let cleanUp = try CleanUp(workspace)
    var plugin: PluginUnderTry?
    let status = Result { () throws(TryError) in
      try workspace.setUp(rootfs: options.rootfs)
      let made = try make(makePlugin, PluginEnvironment(profile: options.profile, bpffs: workspace.bpffs))
      plugin = made
      return try series(options, workspace, signals, made)
    }
    let end = Result { () throws(TryError) in try cleanUp.run() }
    // What was done by processes that outlived their container.
    for line in plugin?.events() ?? [] { report(line) }
    try end.get()
    return try status.get()
  }

  /// One plugin session with `--repeat` container lives.
  private static func series(
    _ options: Options, _ workspace: Workspace, _ signals: Signals, _ plugin: PluginUnderTry
  ) throws(TryError) -> Int32 {
    let host = try Host()
    let timed = options.reportTimes ? TimedPlugin(plugin.handler) : nil
    let session = try Session(handler: timed ?? plugin.handler, options: options)
    defer {
      session.end()
      for line in timed?.summary ?? [] { report(line) }
    }
    var counts: [Int32: Int] = [:]
    var last: Int32 = 0
    for number in 1...options.repetitions where !signals.wereReceived {
      let names = Names(options: options, id: workspace.id, number: number, profile: plugin.profileName)
      var life = ContainerLife(
        options: options, runtime: session.runtime, workspace: workspace, signals: signals, host: host,
        pod: names.pod, container: names.container)
      last = status { () throws(TryError) in try life.run() }
      counts[last, default: 0] += 1
      for line in plugin.events() { report(line) }
    }
    if options.repetitions > 1 { report(summary(of: counts)) }
    return counts.count == 1 ? last : counts.keys.max() ?? last
  }

  private static func make(_ makePlugin: PluginMaker, _ environment: PluginEnvironment) throws(TryError)
    -> PluginUnderTry
  {
    do { return try makePlugin(environment) } catch { throw .pluginNotMade("\(error)") }
  }

  /// A life's exit status; an error is told, and counted as the status that stands for it.
  private static func status(_ life: () throws(TryError) -> Int32) -> Int32 {
    do throws(TryError) { return try life() } catch {
      report(error.description)
      return error.exitStatus
    }
  }

  /// `200 runs: 199 with exit status 137, 1 with exit status 0`, the most frequent first.
  static func summary(of counts: [Int32: Int]) -> String {
    let parts = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
    let total = parts.reduce(0) { $0 + $1.value }
    return "\(total) runs: " + parts.map { "\($0.value) with exit status \($0.key)" }.joined(separator: ", ")
  }
}
