import Glibc
import Keeper
import System

/// The Stockades of this node: those that run, and those that containerd launches when it starts. Two Stockades give
/// each container two contradicting policies, and share the pins.
struct Instances {
  private(set) var findings: [Finding] = []
  /// Names in the plugin folder: `10-stockade`.
  let launchable: [String]
  /// `stockade run`, by process.
  let services: [RunningProcess]
  /// The Stockades that containerd started.
  let launched: [RunningProcess]
  /// The Stockades that run in the place of a launched one that is gone.
  let kept: [RunningProcess]
  private let folder: String

  /// The names of everything that containerd launched or will launch.
  var launchedNames: [String] {
    let running = launched.map { String(fileName($0.arguments[0])) }.filter(Self.isOurs)
    return launchable + running.filter { !launchable.contains($0) }
  }

  init(_ places: Places, _ runtime: RuntimeExamination) {
    folder = runtime.pluginFolder
    let plugins = Self.plugins(in: places.root + folder)
    launchable = plugins.filter(Self.isOurs)
    let ours = places.processes.filter { $0.name == "stockade" || Self.isOurs(String($0.name)) }
    services = ours.filter { $0.arguments.dropFirst().first == "run" }
    launched = ours.filter { $0.arguments.count == 1 }
    kept = ours.filter { $0.arguments.dropFirst().first == KeptDescriptors.keptWord }
    findings = [instances(runtime, places)]
    for name in plugins where !Self.isPluginName(name) {
      findings.append(
        Finding(
          .instances, .missing, "\(folder)/\(name) is no plugin's name, so containerd does not start",
          "call it NN-NAME, or take it out"))
    }
  }

  /// What containerd takes for plugins: everything that is executable and is not a folder. A link counts as itself.
  private static func plugins(in folder: String) -> [String] {
    ((try? Files.names(in: folder)) ?? []).filter { name in
      var status = stat()
      guard lstat("\(folder)/\(name)", &status) == 0 else { return false }
      return status.st_mode & S_IFMT != S_IFDIR && status.st_mode & 0o111 != 0
    }
  }

  private static func isPluginName(_ name: String) -> Bool {
    let parts = name.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 && parts[0].count == 2 && parts[0].allSatisfy { $0.isASCII && $0.isNumber }
      && !parts[1].isEmpty
  }

  /// `NN-stockade`
  private static func isOurs(_ name: String) -> Bool { isPluginName(name) && name.dropFirst(3) == "stockade" }

  private func instances(_ runtime: RuntimeExamination, _ places: Places) -> Finding {
    let running =
      launched.map { "\($0.arguments[0]) (process \($0.pid))" }
      + kept.map { "what the keeper started after the launched plugin ended (process \($0.pid))" }
      + services.map { "stockade run (process \($0.pid))" }
    if let problem = contradiction(running) { return problem }
    return running.first.map { Finding(.instances, .ok, "\($0) runs") } ?? none(runtime, places)
  }

  /// Two Stockades that run, or that will run when containerd starts next.
  private func contradiction(_ running: [String]) -> Finding? {
    if running.count > 1 {
      return Finding(
        .instances, .missing, "\(running.count) run: \(running.joined(separator: ", ")); they contradict each other",
        "end all but one, and keep it from being started again")
    }
    if launchable.count > 1 {
      let names = launchable.joined(separator: ", ")
      return Finding(
        .instances, .missing,
        "containerd launches \(launchable.count) from \(folder): \(names); they contradict each other",
        "take out all but one")
    }
    guard let name = launchable.first, !services.isEmpty else { return nil }
    return Finding(
      .instances, .missing, "\(running[0]) runs, and containerd launches \(folder)/\(name) when it starts next",
      "take out \(folder)/\(name), or stop and disable the service")
  }

  private func none(_ runtime: RuntimeExamination, _ places: Places) -> Finding {
    guard places.seesAllProcesses else {
      return Finding(.instances, .unknown, "none is seen to run", "run stockade doctor on the node itself, as root")
    }
    let consequence =
      runtime.requiresStockade
      ? "containerd creates no container until one runs" : "new containers start without a profile"
    let advice =
      launchable.first.map { "restart containerd, which launches \(folder)/\($0)" }
      ?? "install it as a plugin or as a service (README.md)"
    return Finding(.instances, .missing, "none runs: \(consequence)", advice)
  }
}
