import Glibc
import NRI
import NRIRuntime
import System

/// One pod with one container, from RunPodSandbox to RemovePodSandbox, as containerd goes through it.
struct ContainerLife {
  var options: Options
  var runtime: RuntimeConnection
  var workspace: Workspace
  var signals: Signals
  var host: Host
  var report: Report
  var pod: PodSandbox
  var container: Container
  /// `PluginUnderTry.settle`.
  var settle: () -> Void

  /// - Returns: the command's exit status, as a shell returns it.
  mutating func run() throws(TryError) -> Int32 {
    if !pod.cgroupParent.isEmpty { try host.makeCgroup(pod.cgroupParent) }
    try nri { () throws(NRIRuntimeError) in try runtime.runPodSandbox(pod) }
    defer { endPod() }
    let bundle = try workspace.makeBundle(
      container.id, owner: options.userNamespace ? RuntimeSpecification.firstUser : 0,
      options: options.overlayOptions)
    defer { bundle.remove() }
    do { try create(in: bundle) } catch {
      // After a refused Create both events come at once, for a container that never had a process.
      stop()
      remove()
      throw error
    }
    return try runCreated(
      Runc(
        program: options.runc, state: workspace.runcState, bundle: bundle, id: container.id,
        output: report.commandOutput))
  }

  /// CreateContainer, ValidateContainerAdjustment, and the bundle's configuration.
  private mutating func create(in bundle: Bundle) throws(TryError) {
    let policy = try nri { () throws(NRIRuntimeError) in try runtime.createContainer(pod: pod, container: container) }
    try refuse(at: .create)
    try nri { () throws(NRIRuntimeError) in
      try runtime.validateContainerAdjustment(pod: pod, container: container, policy: policy)
    }
    try refuse(at: .validate)
    let specification = RuntimeSpecification(
      options: options, rootfs: bundle.rootfs, cgroupsPath: container.cgroupsPath, seccomp: policy,
      hasOnlyCgroupV2: host.hasOnlyCgroupV2, availableCapabilities: host.capabilities)
    try system { () throws(Errno) in
      try Files.write(specification.json.text, to: bundle.configuration)
      if let copy = options.keepConfig { try Files.write(specification.json.text + "\n", to: copy) }
    }
    container.state = ContainerState.created.rawValue
    logged { () throws(NRIRuntimeError) in try runtime.postCreateContainer(pod: pod, container: container) }
  }

  private mutating func runCreated(_ runc: Runc) throws(TryError) -> Int32 {
    do {
      try refuse(at: .runcCreate)
      container.pid = UInt32(try runc.create())
      try start(runc)
    } catch {
      // After a refused Start the plugin is told of the end while init is still alive, parked in its cgroup.
      stop()
      try? runc.delete(force: true)
      if container.pid != 0 { _ = try? Program.wait(for: pid_t(container.pid)) }
      remove()
      throw error
    }
    return try finish(runc)
  }

  private mutating func start(_ runc: Runc) throws(TryError) {
    if let copy = options.statusFile {
      try system { () throws(Errno) in try Files.write(Files.text("/proc/\(container.pid)/status"), to: copy) }
    }
    try nri { () throws(NRIRuntimeError) in try runtime.startContainer(pod: pod, container: container) }
    try refuse(at: .start)
    try refuse(at: .runcStart)
    settle()
    try runc.start()
    container.state = ContainerState.running.rawValue
    logged { () throws(NRIRuntimeError) in try runtime.postStartContainer(pod: pod, container: container) }
  }

  /// From the running container to its end.
  private mutating func finish(_ runc: Runc) throws(TryError) -> Int32 {
    let executions = Result { () throws(TryError) in try execute(runc) }
    if case .failure = executions { kill(pid_t(container.pid), SIGKILL) }
    let end = Result { () throws(TryError) in
      try signals.wait(for: pid_t(container.pid), timeoutSeconds: options.timeoutSeconds)
    }
    stop()
    // In the machine's pid namespace other processes outlive init. Runtimes kill them before they delete the container.
    if options.hostPID { try? runc.killAll() }
    let deletion = Result { () throws(TryError) in try runc.delete(force: options.hostPID) }
    remove()
    try executions.get()
    try deletion.get()
    let (status, timedOut) = try end.get()
    if timedOut { report.message("killed after \(options.timeoutSeconds ?? 0) s, as --timeout asks") }
    return status
  }

  /// Runs the commands of `--exec`, and reports the exit status of each in a line.
  private func execute(_ runc: Runc) throws(TryError) {
    for command in options.executions {
      let status = try runc.execute(command)
      report.execution(command, status: status)
    }
  }

  private func refuse(at step: Step) throws(TryError) {
    if options.refusals.contains(step) { throw .refusedOnDemand(step) }
  }
}

/// The events of the end. If the plugin refuses one, that changes nothing, so the refusal is only reported.
extension ContainerLife {
  private mutating func stop() {
    // Older runtimes send the earlier state.
    if runtime.version >= NRIVersion(0, 12) { container.state = ContainerState.stopped.rawValue }
    if options.refusals.contains(.stop) { return }
    logged { () throws(NRIRuntimeError) in try runtime.stopContainer(pod: pod, container: container) }
  }

  private func remove() {
    if options.refusals.contains(.remove) { return }
    logged { () throws(NRIRuntimeError) in try runtime.removeContainer(pod: pod, container: container) }
  }

  private func endPod() {
    if !options.refusals.contains(.stopPod) { logged { () throws(NRIRuntimeError) in try runtime.stopPodSandbox(pod) } }
    if !pod.cgroupParent.isEmpty { host.removeCgroup(pod.cgroupParent) }
    if !options.refusals.contains(.removePod) {
      logged { () throws(NRIRuntimeError) in try runtime.removePodSandbox(pod) }
    }
  }

  private func logged(_ body: () throws(NRIRuntimeError) -> Void) {
    do { try body() } catch { report.message(error.description) }
  }
}
