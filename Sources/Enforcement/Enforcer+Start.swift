import Compilation
import Policy
import Seccomp
import System

/// The life of one container: it is planned and opened at Start, closed if it may not start, and released at its end.
extension Enforcer {
  /// What StartContainer or Synchronize reports of a container.
  package struct Start: Sendable {
    package var subject: Subject
    package var sandboxID: String
    /// An error if the payload's path cannot be the path of a cgroup.
    package var path: Result<CgroupPath, EnforcementError>
    package var pid: UInt32
    /// What the runtime mounts in the container.
    package var mounts: [ContainerVolumes.Named]

    package init(
      subject: Subject, sandboxID: String, cgroupsPath: String, pid: UInt32, mounts: [ContainerVolumes.Named] = []
    ) {
      self.subject = subject
      self.sandboxID = sandboxID
      path = Result { () throws(EnforcementError) in try CgroupPath(payload: cgroupsPath) }
      self.pid = pid
      self.mounts = mounts
    }
  }

  /// Looks at a container and judges its profile. Writes nothing to the kernel. A refused plan cannot be opened.
  ///
  /// - Parameter known: what the runtime has said. The plan adds what can be seen of the container.
  package func plan(
    _ start: Start, _ compiled: CompiledProfile, known: ContainerFacts
  ) throws(EnforcementError) -> StartPlan {
    let process = try ProcessView(pid: start.pid, in: hierarchy)
    var facts = known
    // Without a table, there are no programs that must tell the container's processes from the runtime's.
    facts.process = ContainerFacts.Process(
      pid: process.pid, hasFilter: filterIsActive(statusText: process.status, parent: process.parentStatus),
      sharesRuntimeNamespace: table != nil && process.mountNamespace == runtimeMountNamespace)
    facts.hasNetRaw = ProcessView.hasNetRaw(inStatus: process.status)
    // A container that already runs keeps everything that can be enforced, even while something is missing that is
    // mended later.
    let node = known.ranBefore ? capabilities : presentCapabilities
    guard let table else {
      // Nothing remembers whether it was confined. Without this each restart of Stockade would report the container.
      facts.wasConfined = true
      return StartPlan(start.subject, compiled, process, nil, nil, RuleAliases(), facts, node)
    }
    let cgroup = try locate(start, process)
    facts.rootIsOverlay = process.rootIsOverlay
    facts.rootMovesFolders = process.rootMovesFolders
    var volumes: ContainerVolumes?
    if known.ranBefore {
      let former = try table.withLock { (table) throws(EnforcementError) in try table.confined(cgroup) }
      facts.wasConfined = former != nil
      facts.mountsAreKnown = former?.hasVolumes == true
    } else {
      facts.leftProcesses = try left(beside: process, in: cgroup)
      volumes = try ContainerVolumes(
        pid: process.pid, mounts: process.mounts, rootDevice: process.rootDevice, named: start.mounts)
      facts.rootFoldsCase = volumes?.rootFoldsCase
    }
    let found =
      known.ranBefore
      ? try links(of: compiled, inRunning: cgroup, first: process.pid, process.rootDevice)
      : try links(of: compiled, in: process)
    facts.linksProblem = found.problem
    facts.filterMayBeOlder = known.ranBefore
    return StartPlan(start.subject, compiled, process, cgroup, volumes, found.aliases, facts, node)
  }

  /// Puts a plan in force. The last write opens the container. So after an error the container is not open, and the
  /// caller closes it or lets it through. Network programs may be attached by then, and they drop everything.
  ///
  /// - Parameter isNewest: whether the plan's text is still the newest of its profile. This is asked under the table's
  ///   lock. So a thread that gives the running containers a newer text afterwards finds this container among them.
  /// - Returns: what is in force: the plan's assessment, or an assessment without network rules. nil: the text is not
  ///   the newest any more, and nothing was written.
  package func open(_ plan: StartPlan, ifStill isNewest: () -> Bool) throws(EnforcementError) -> Assessment? {
    if let refusal = plan.assessment.refusal { throw .refused(refusal) }
    guard let table, let cgroup = plan.cgroup else { return isNewest() ? plan.assessment : nil }
    return try table.withLock { (table) throws(EnforcementError) in
      guard isNewest() else { return nil }
      return try table.open(plan, cgroup)
    }
  }

  /// Forbids every exec in a container until its cgroup is empty. If the kernel has no room to remember that, the
  /// processes of the container are killed instead. Nothing is done if the payload names no cgroup, or the cgroup of
  /// another container; then only the pod's gate holds the container back.
  ///
  /// - Returns: why it could not be closed, and what was done; nil: it is closed.
  @discardableResult
  package func close(_ start: Start) -> String? {
    guard let table, let cgroup = try? cgroup(of: start) else { return nil }
    guard let error = table.withLock({ $0.close(start.subject, cgroup: cgroup) }) else { return nil }
    // A wrong path must not end the processes of others.
    guard let process = try? ProcessView(pid: start.pid, in: hierarchy), (try? locate(start, process)) == cgroup else {
      return "\(error); its process is not in its cgroup, so nothing could be done"
    }
    do {
      try cgroup.killAll()
      return "\(error); its processes were killed"
    } catch { return "\(error); its processes could not be killed either: \(error.reason)" }
  }

  /// Leaves an earlier process's policy in force for a container whose profile cannot be used now.
  package func keepPrevious(_ start: Start) throws(EnforcementError) -> Bool {
    guard let table, let cgroup = try? cgroup(of: start) else { return false }
    return try table.withLock { (table) throws(EnforcementError) in
      do throws(BackendError) { return try table.keepPrevious(start.subject, cgroup: cgroup) } catch {
        throw .kernel(error)
      }
    }
  }

  /// Whether a policy binds the container already. An earlier Stockade has put it in force.
  package func isBound(_ start: Start) -> Bool {
    guard let table, let cgroup = try? cgroup(of: start) else { return false }
    return table.withLock { (try? $0.confined(cgroup)) != nil }
  }

  /// Lets a container run without a policy if something of ours would hold it back: its pod's gate, a refused start, or
  /// what an earlier process put in force. If nothing does, there is nothing to do.
  ///
  /// - Parameters:
  ///   - beforeGate: the pod of the container is about to get a gate.
  ///   - afterFailure: `open` has failed, and may have attached programs that let nothing through.
  package func admit(
    _ start: Start, beforeGate: Bool = false, afterFailure: Bool = false
  ) throws(EnforcementError) {
    guard let table else { return }
    try table.withLock { (table) throws(EnforcementError) in
      if afterFailure { try detachNetwork(start, table) }
      if !beforeGate, try !isHeldBack(start, table) { return }
      try table.admit(start.subject, cgroup: try cgroup(of: start))
    }
  }

  /// - Returns: whether nothing of the container is left; false while processes remain in its cgroup.
  package func release(_ containerID: String) throws(ReleaseError) -> Bool {
    guard let table else { return true }
    let released = try table.withLock { (table) throws(ReleaseError) in
      let isKnown = table.entries[containerID] != nil
      do throws(ReleaseError) {
        let released = try table.release(containerID)
        if isKnown, released.isGone { tallied.withLock { $0.releases += 1 } }
        return released
      } catch {
        tallied.withLock { $0.failures += 1 }
        throw error
      }
    }
    if let policy = released.policy { removePolicy(ofEnded: policy) }
    return released.isGone
  }

  private func detachNetwork(_ start: Start, _ table: borrowing ConfinementTable) throws(EnforcementError) {
    // A wrong path must not open other containers.
    guard let cgroup = try? cgroup(of: start), table.other(in: cgroup, than: start.subject) == nil else { return }
    do { try table.kernel.detachNetwork(cgroup.id) } catch { throw .kernel(error) }
  }

  /// Whether the container is behind a gate, or the kernel has an entry for it. False too if the container has no
  /// cgroup that could be bound. The cgroup decides, because the sandbox of a gate may not be known.
  private func isHeldBack(_ start: Start, _ table: borrowing ConfinementTable) throws(EnforcementError) -> Bool {
    if table.podOfSandbox[start.sandboxID] != nil || table.entries[start.subject.containerID] != nil { return true }
    guard let cgroup = try? cgroup(of: start) else { return false }
    do {
      if try table.isBehindGate(cgroup) { return true }
      return try table.kernel.container(cgroup.id) != nil
    } catch { throw .kernel(error) }
  }

  private func cgroup(of start: Start) throws(EnforcementError) -> Cgroup {
    let path = try start.path.get()
    guard let root = hierarchy.root else { throw .noKernel(CgroupHierarchy.noneText) }
    do { return try Cgroup(path, in: root) } catch { throw .noCgroup(path: root + path.path, error) }
  }

  private func locate(_ start: Start, _ process: ProcessView) throws(EnforcementError) -> Cgroup {
    let path = try start.path.get()
    // systemd, Docker in Docker and crun put what they start in cgroups below this one.
    guard let found = process.cgroup, path.contains(found) else {
      throw .processElsewhere(pid: start.pid, expected: path.path, found: process.cgroup)
    }
    return try cgroup(of: start)
  }

  /// The processes that hooks of the runtime have left in the cgroup; nil: none. Waits for processes that are ending.
  private func left(beside process: ProcessView, in cgroup: Cgroup) throws(EnforcementError) -> String? {
    do { return try LeftProcesses.beside(process.pid, in: cgroup)?.description } catch {
      throw .noCgroup(path: cgroup.directory, error)
    }
  }
}
