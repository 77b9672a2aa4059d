import NRI
import System

/// The outcome of a series.
struct SeriesResult {
  /// The status with which `try` itself ends.
  var status: Int32 = ExitStatus.notStarted
  var runs = 0
  /// The error of the last run whose command did not end by itself.
  var lastError: TryError?
}

/// One plugin session with `--repeat` container lives.
struct Series {
  var options: Options
  /// What the runtime hands to the plugin.
  var configuration: String
  var report: Report
  var workspace: Workspace
  var signals: Signals
  var plugin: PluginUnderTry

  func run() throws(TryError) -> SeriesResult {
    let host = try Host()
    let times = options.reportTimes ? CallTimes() : nil
    let session = try Session(
      handler: plugin.handler, times: times, options: options, configuration: configuration, report: report)
    defer {
      session.end()
      for line in times?.summary ?? [] { report.message(line) }
    }
    var result = SeriesResult()
    var counts: [Int32: Int] = [:]
    for number in 1...options.repetitions where !signals.wereReceived {
      let (status, error) = live(number, session, host)
      result.runs = number
      result.status = status
      if let error { result.lastError = error }
      counts[status, default: 0] += 1
    }
    if options.repetitions > 1 { report.counts(counts) }
    if counts.count > 1, let highest = counts.keys.max() { result.status = highest }
    return result
  }

  /// Runs one container. Returns what is to be reported of it.
  private func live(_ number: Int, _ session: Session, _ host: Host) -> (Int32, TryError?) {
    let names = Names(options: options, id: workspace.id, number: number, profile: plugin.profileName)
    var life = ContainerLife(
      options: options, runtime: session.runtime, workspace: workspace, signals: signals, host: host, report: report,
      pod: names.pod, container: names.container, settle: plugin.settle)
    var (status, failure): (Int32, TryError?)
    do { (status, failure) = (try life.run(), nil) } catch {
      (status, failure) = (error.exitStatus, error)
    }
    tell(of: number, status, failure)
    return (status, failure)
  }

  /// For people the error comes first, as the reason why nothing happened. For programs the last record is the end of a
  /// run.
  private func tell(of number: Int, _ status: Int32, _ error: TryError?) {
    if !report.writesRecords { report.run(number: number, status: status, error: error) }
    for line in plugin.events() { report.message(line) }
    if report.writesRecords { report.run(number: number, status: status, error: error) }
  }
}
