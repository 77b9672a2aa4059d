import Enforcement
import Events
import Glibc
import Keeper
import Logging
import NRI
import Policy
import Seccomp
import Synchronization
import System

/// The ways to run: launched by the runtime, in the place of a launched Stockade, and as a service of its own.
package enum Service {
  /// The runtime's environment variables for a plugin that it launches.
  private static let socketVariable = "NRI_PLUGIN_SOCKET"

  package static var isLaunched: Bool { getenv(socketVariable) != nil }

  /// Serves the connection that the runtime handed over, until it is closed. A plugin that lives longer than the
  /// connection would be a duplicate when the runtime comes back.
  package static func launched() -> Int32 { withLog({ .systemLog() }, hasKeeper: true, launched) }

  /// What comes first and ends last: the capabilities, the signals and the log.
  private struct Base {
    let start: Privileges.Start
    let stop: StopSignal
    let log: Logger
  }

  private static func withLog(_ output: () -> LogOutput, hasKeeper: Bool, _ serve: (Base) -> Int32) -> Int32 {
    let start = Privileges.begin(hasKeeper: hasKeeper)
    let stop = StopSignal()
    defer { stop.stop() }
    let output = output()
    defer { output.stop(milliseconds: LogOutput.endMilliseconds) }
    return serve(Base(start: start, stop: stop, log: output.logger(stop)))
  }

  private static func launched(_ base: Base) -> Int32 {
    let (stop, log) = (base.stop, base.log)
    guard let text = getenv(socketVariable).map({ String(cString: $0) }), let number = Int32(text), number > 2 else {
      log.critical("\(socketVariable) is not the number of a socket")
      return 2
    }
    raiseDescriptorLimit(log)
    let socket = FileDescriptor(owning: number)
    let name = getenv("NRI_PLUGIN_NAME").map { String(cString: $0) } ?? "stockade"
    let index = getenv("NRI_PLUGIN_IDX").map { String(cString: $0) } ?? "10"
    let launch = { try Kept.launched(socket: socket, name: name, index: index) { log.error("\($0)") } }
    if let other = other(log) {
      // If the other one belongs to an earlier runtime, it ends, maybe later than it should. What our keeper starts
      // waits for that.
      standBy(socket, name, index, other.isService ? nil : try? launch())
      return 1
    }
    do {
      let kept = try launch()
      defer { kept.stop() }
      let daemon = try kept.heartbeat.during(limit: Heartbeat.readyLimit) {
        try Daemon(socket: socket, source: .runtime, defaultEventsFile: ConfinedNode.launchedEventsFile, log: log)
      }
      defer { daemon.stop() }
      base.start.end(log)
      stop.shutDownOnSignal(socket)
      stop.onHangUp { [node = daemon.node] in node.refresh() }
      daemon.node.whenProfilesAreLate { [node = daemon.node] in
        // A thread of its own does this, so that no reading of profiles waits for it.
        node.start { end in
          LateProfiles.makeWay(
            log, pause: end.pause, isReplaceable: { kept.isReplaceable(socket) }, end: stop.endConnectionOnceAnswered)
        }
      }
      let watch = SessionWatch(kept.heartbeat) { text in
        do { try kept.keep(configuration: text) } catch {
          log.error("the keeper has no copy of the configuration", metadata: ["reason": "\(error)"])
        }
      }
      watch.meter = daemon.node.calls
      _ = try PluginSession(
        socket: socket, name: name, index: index, handler: daemon.plugin, observer: watch
      ).run()
      return 0
    } catch {
      log.critical("stopped", metadata: ["reason": "\(error)"])
      return 1
    }
  }

  /// Registers beside the Stockade that serves this node, and leaves.
  ///
  /// - Parameter kept: the keeper that was started; nil: the other Stockade needs none.
  private static func standBy(_ socket: FileDescriptor, _ name: String, _ index: String, _ kept: Kept?) {
    defer { kept?.stop() }
    let bystander = Bystander(socket)
    defer { bystander.stop() }
    let watch = SessionWatch(kept?.heartbeat ?? Heartbeat()) { text in try? kept?.keep(configuration: text) }
    _ = try? PluginSession(socket: socket, name: name, index: index, handler: bystander, observer: watch).run()
  }

  /// The other Stockade that serves this node. nil: there is none, and none begins until this process ends. If there
  /// can be no lock, this process serves without it: what a second Stockade breaks is less bad than containers that no
  /// one confines.
  ///
  /// - Parameter waits: waits for this process's turn, for as long as that takes.
  private static func other(_ log: Logger, waits: Bool = false) -> OtherStockade? {
    do {
      var outcome = try InstanceLock.take()
      if case .taken(let pid) = outcome { tell(of: pid, log) }
      while waits, case .taken = outcome {
        usleep(lockRetryMilliseconds * 1000)
        outcome = try InstanceLock.take(waitMilliseconds: 0)
      }
      switch outcome {
      case .held(let lock): _ = Unmanaged.passRetained(lock)
      case .taken(let pid): return OtherStockade(pid: pid)
      }
    } catch {
      log.error("nothing keeps a second stockade from serving this node", metadata: ["reason": "\(error)"])
    }
    return nil
  }

  private static let lockRetryMilliseconds: UInt32 = 200

  private static func tell(of other: pid_t?, _ log: Logger) {
    log.critical(
      "another stockade serves this node",
      metadata: [
        "process": "\(other.map(String.init) ?? "of another pid namespace")",
        "action": "have only one started, as a service or as a plugin that containerd launches",
      ])
  }

  /// The program that starts us may have left the limit low for programs that use select(2). We do not use it.
  private static func raiseDescriptorLimit(_ log: Logger) {
    do {
      let limit = try DescriptorLimit.raise()
      if limit >= DescriptorLimit.needed { return }
      log.error(
        "too few open files are allowed, so that programs may not be loaded and profiles not enforced",
        metadata: [
          "limit": "\(limit)", "needed": "\(DescriptorLimit.needed)",
          "action": "set LimitNOFILE=\(DescriptorLimit.needed) or more for the service that starts stockade",
        ])
    } catch { log.error("\(error)") }
  }

  package struct RunOptions: Sendable {
    package var configurationFile: String?
    package var socketPath = NRISocket.defaultPath
    package var name = "stockade"
    package var index = "10"
    package init() {}

    /// Whether the runtime takes a plugin of this name and index.
    package var isNamedWell: Bool { (try? PluginSession.check(name: name, index: index)) != nil }

    /// Throws for settings that cannot work, whatever the runtime does.
    func check() throws {
      try NRISocket.check(socketPath)
      if let configurationFile { try SettingsLoader.check(file: configurationFile) }
    }
  }

  /// Connects to the runtime's socket, and again whenever the connection ends, until SIGTERM or SIGINT.
  package static func run(_ options: RunOptions) -> Int32 {
    // This comes before any thread: it changes the environment.
    let manager = Result { try ServiceManager.ofEnvironment() }
    return withLog({ .standardError() }, hasKeeper: false) { base in
      do { return run(options, try manager.get(), base) } catch {
        base.log.error(
          "the service manager is told nothing, and will take this service for one that did not start",
          metadata: ["reason": "\(error)"])
        return run(options, nil, base)
      }
    }
  }

  private static func run(_ options: RunOptions, _ manager: ServiceManager?, _ base: Base) -> Int32 {
    let log = base.log
    // This check comes before the wait for the socket: nobody would read the log of a service that only seems to wait.
    do { try options.check() } catch {
      log.critical("\(error)")
      return 2
    }
    guard geteuid() == 0 else {
      log.critical("stockade run needs root: it loads BPF programs and makes pins below \(ConfinedNode.pinFolder)")
      return 1
    }
    let path = options.configurationFile
    return serve(
      options,
      Surroundings(
        source: .file(path ?? Daemon.configurationFile, required: path != nil), defaultEventsFile: nil,
        heartbeat: Heartbeat(), kept: nil, base: base, manager: manager))
  }

  /// Runs a Stockade that a keeper started in the place of a launched one. It connects by itself. In everything else it
  /// is like the launched one.
  ///
  /// - Parameter words: name, index, the runtime's socket, and which restart this is.
  package static func kept(_ words: [String]) -> Int32 {
    withLog({ .systemLog() }, hasKeeper: true) { base in kept(words, base) }
  }

  private static func kept(_ words: [String], _ base: Base) -> Int32 {
    let log = base.log
    guard words.count == 4, let restarts = UInt64(words[3]),
      let kept = Kept.byKeeper(name: words[0], index: words[1], restarts: restarts, tell: { log.error("\($0)") })
    else {
      put("stockade: \(KeptDescriptors.keptWord) is for the keeper alone; use stockade run\n", to: 2)
      return 2
    }
    defer { kept.stop() }
    var options = RunOptions()
    (options.name, options.index, options.socketPath) = (words[0], words[1], words[2])
    do {
      let source = Daemon.Source.launched(text: try kept.configuration(), name: words[0], index: words[1])
      return serve(
        options,
        Surroundings(
          source: source, defaultEventsFile: ConfinedNode.launchedEventsFile, heartbeat: kept.heartbeat, kept: kept,
          base: base))
    } catch {
      log.critical("\(error)")
      return 1
    }
  }

  /// What differs between the Stockades that connect by themselves.
  private struct Surroundings {
    let source: Daemon.Source
    let defaultEventsFile: String?
    let heartbeat: Heartbeat
    /// nil: this is a service of its own.
    let kept: Kept?
    let base: Base
    /// nil: nobody wants to know how the service is.
    var manager: ServiceManager?

    var pulse: Pulse? {
      manager.map { manager in Pulse(milliseconds: manager.beatMilliseconds) { manager.beat() } }
    }
  }

  private static func serve(_ options: RunOptions, _ surroundings: Surroundings) -> Int32 {
    let (log, stop, heartbeat) = (surroundings.base.log, surroundings.base.stop, surroundings.heartbeat)
    let (manager, pulse) = (surroundings.manager, surroundings.pulse)
    raiseDescriptorLimit(log)
    if other(log, waits: surroundings.kept != nil) != nil { return 1 }
    var search = RuntimeSearch(options.socketPath, stop, log, pulse)
    let waiting = "waits for the runtime on \(options.socketPath)"
    manager?.show(status: waiting)
    var daemon: Daemon?
    defer { daemon?.stop() }
    defer { manager?.stopping() }
    while let socket = search.connect() {
      let watch = SessionWatch(heartbeat)
      watch.whenServing = { manager?.ready(status: "serves the runtime on \(options.socketPath)") }
      do {
        try surroundings.kept?.check(peerOf: socket)
        let current = try daemon ?? heartbeat.during(limit: Heartbeat.readyLimit) { try make(socket, surroundings) }
        daemon = current
        surroundings.base.start.end(log)
        watch.meter = current.node.calls
        stop.onHangUp { [node = current.node] in node.refresh() }
        // The next session is told what runs, and adopts it.
        current.node.whenProfilesAreLate { stop.endConnectionOnceAnswered() }
        try current.checkRuntime(of: socket)
        stop.shutDownOnSignal(socket)
        _ = try PluginSession(
          socket: socket, name: options.name, index: options.index, handler: current.plugin, observer: watch,
          synchronizesWithin: PluginSession.synchronizeMilliseconds, pulse: pulse
        ).run()
        if stop.isSet { break }
        log.warning("the runtime closed the connection")
      } catch let error as ConfigurationProblem {
        log.critical("\(error)")
        return 2
      } catch {
        log.warning("no connection to the runtime", metadata: ["reason": "\(error)"])
      }
      manager?.show(status: waiting)
      daemon?.plugin.sessionEnded()
      search.pause(afterGood: watch.wasGood())
    }
    return 0
  }

  private static func make(_ socket: FileDescriptor, _ surroundings: Surroundings) throws -> Daemon {
    try Daemon(
      socket: socket, source: surroundings.source, defaultEventsFile: surroundings.defaultEventsFile,
      restarts: surroundings.kept?.restarts ?? 0, log: surroundings.base.log)
  }
}

/// A configuration that was named on the command line and cannot be used. There is nothing to try again.
package struct ConfigurationProblem: Error, CustomStringConvertible {
  package let description: String
}

extension LogOutput {
  /// The log of a service. A signal may end the service hard.
  fileprivate func logger(_ stop: StopSignal) -> Logger {
    let log = Logger(label: "stockade") { _ in LineLogHandler(level: .info, self) }
    stop.onHangUp { log.info("SIGHUP: nothing is loaded yet") }
    stop.onHardEnd {
      log.critical("something did not end in time: the process is cut short, and the next one takes over what it left")
      self.flush(milliseconds: Self.hardEndMilliseconds)
    }
    return log
  }
}
