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
  package static func launched() -> Int32 { withLog({ .systemLog() }, launched) }

  /// Makes what comes first and ends last: the signals, and the log.
  private static func withLog(
    _ output: () -> LogOutput, _ serve: (_ stop: StopSignal, _ log: Logger) -> Int32
  ) -> Int32 {
    let stop = StopSignal()
    defer { stop.stop() }
    let output = output()
    defer { output.stop(milliseconds: LogOutput.endMilliseconds) }
    return serve(stop, output.logger(stop))
  }

  private static func launched(_ stop: StopSignal, _ log: Logger) -> Int32 {
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
      stop.shutDownOnSignal(socket)
      stop.onHangUp { [node = daemon.node] in node.refresh() }
      daemon.node.whenProfilesAreLate { [node = daemon.node] in
        // A thread of its own does this, so that no reading of profiles waits for it.
        node.start { end in
          LateProfiles.makeWay(
            log, pause: end.pause, isReplaceable: { kept.isReplaceable(socket) }, end: stop.endConnectionOnceAnswered)
        }
      }
      let handler = WatchedHandler(daemon.plugin, kept.heartbeat) { text in
        do { try kept.keep(configuration: text) } catch {
          log.error("the keeper has no copy of the configuration", metadata: ["reason": "\(error)"])
        }
      }
      _ = try PluginSession(socket: socket, name: name, index: index, handler: handler).run()
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
    let handler = WatchedHandler(bystander, kept?.heartbeat ?? Heartbeat()) { text in
      try? kept?.keep(configuration: text)
    }
    _ = try? PluginSession(socket: socket, name: name, index: index, handler: handler).run()
  }

  /// The other Stockade that serves this node. nil: there is none, and none begins until this process ends. If there
  /// can be no lock, this process serves without it: what a second Stockade breaks is less bad than containers that no
  /// one confines.
  ///
  /// - Parameter waits: waits for this process's turn, for as long as that takes.
  private static func other(_ log: Logger, waits: Bool = false) -> OtherStockade? {
    do throws(Errno) {
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
    do throws(Errno) {
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
    withLog({ .standardError() }) { stop, log in run(options, stop, log) }
  }

  private static func run(_ options: RunOptions, _ stop: StopSignal, _ log: Logger) -> Int32 {
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
        heartbeat: Heartbeat(), kept: nil, stop: stop, log: log))
  }

  /// Runs a Stockade that a keeper started in the place of a launched one. It connects by itself. In everything else it
  /// is like the launched one.
  ///
  /// - Parameter words: name, index and the runtime's socket.
  package static func kept(_ words: [String]) -> Int32 {
    withLog({ .systemLog() }) { stop, log in kept(words, stop, log) }
  }

  private static func kept(_ words: [String], _ stop: StopSignal, _ log: Logger) -> Int32 {
    guard words.count == 3,
      let kept = Kept.byKeeper(name: words[0], index: words[1], tell: { log.error("\($0)") })
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
          stop: stop, log: log))
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
    let stop: StopSignal
    let log: Logger
  }

  private static func serve(_ options: RunOptions, _ surroundings: Surroundings) -> Int32 {
    let (log, heartbeat, stop) = (surroundings.log, surroundings.heartbeat, surroundings.stop)
    raiseDescriptorLimit(log)
    if other(log, waits: surroundings.kept != nil) != nil { return 1 }
    var search = RuntimeSearch(options.socketPath, stop, log)
    var daemon: Daemon?
    defer { daemon?.stop() }
    while let socket = search.connect() {
      var handler: WatchedHandler?
      do {
        try surroundings.kept?.check(peerOf: socket)
        let current = try daemon ?? heartbeat.during(limit: Heartbeat.readyLimit) { try make(socket, surroundings) }
        daemon = current
        stop.onHangUp { [node = current.node] in node.refresh() }
        // The next session is told what runs, and adopts it.
        current.node.whenProfilesAreLate { stop.endConnectionOnceAnswered() }
        try current.checkRuntime(of: socket)
        stop.shutDownOnSignal(socket)
        let watched = WatchedHandler(current.plugin, heartbeat)
        handler = watched
        _ = try PluginSession(
          socket: socket, name: options.name, index: options.index, handler: watched,
          synchronizesWithin: PluginSession.synchronizeMilliseconds
        ).run()
        if stop.isSet { break }
        log.warning("the runtime closed the connection")
      } catch let error as ConfigurationProblem {
        log.critical("\(error)")
        return 2
      } catch {
        log.warning("no connection to the runtime", metadata: ["reason": "\(error)"])
      }
      search.pause(afterGood: handler?.wasGood() ?? false)
    }
    return 0
  }

  private static func make(_ socket: FileDescriptor, _ surroundings: Surroundings) throws -> Daemon {
    try Daemon(
      socket: socket, source: surroundings.source, defaultEventsFile: surroundings.defaultEventsFile,
      log: surroundings.log)
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
