import Enforcement
import Logging
import NRI
import Policy
import Seccomp
import Synchronization

/// Stockade as the runtime sees it: what is done at each step of a container's life.
///
/// All of it runs on the session's thread. What other threads share (profiles, the enforcer) guards itself.
package final class Plugin: PluginHandler {
  private let enforcer: Enforcer
  private let tierReason: String
  private var log: Logger
  private let load: (_ text: String) throws -> Settings
  private let didConfigure: () -> Void
  private var settings: Result<Settings, Refusal> = .failure(Refusal("the runtime has sent no Configure yet"))
  private var support = SeccompSupport.none(reason: "the runtime has not said what it is")
  /// What Create decided, until Remove.
  private var prepared: [String: Prepared] = [:]

  private struct Prepared {
    var choice: Choice
    /// What was sent to the runtime.
    var policy: LinuxSeccomp?
  }

  /// - Parameters:
  ///   - tierReason: why the tier is no better, for messages.
  ///   - didConfigure: called when settings are there, and what an earlier process left is known.
  ///   - load: settings by the text of Configure. An error refuses every container.
  package init(
    enforcer: Enforcer, tierReason: String, log: Logger, didConfigure: @escaping () -> Void = {},
    load: @escaping (_ text: String) throws -> Settings
  ) {
    self.enforcer = enforcer
    self.tierReason = tierReason
    self.log = log
    self.didConfigure = didConfigure
    self.load = load
  }

  package func configure(_ message: NRI.Configuration) throws -> EventMask {
    support = SeccompSupport(message)
    log.info(
      "registered with the runtime",
      metadata: [
        "runtime": "\(message.runtimeName)", "version": "\(message.runtimeVersion)", "nri": "\(message.nriVersion)",
        "seccomp": "\(support)", "tier": "\(enforcer.tier.name)",
      ])
    settings = loaded(message.config)
    do throws(KernelError) { try enforcer.inherit() } catch {
      log.error("cannot take over what an earlier process left", metadata: ["reason": "\(error)"])
    }
    if case .success(let settings) = settings {
      log.logLevel = Logger.Level(settings.configuration.logLevel)
      didConfigure()
    }
    return events
  }

  /// A broken configuration must not leave the node open, as an error here would: the runtime would go on without us.
  /// So every container is refused until it is mended.
  private func loaded(_ text: String) -> Result<Settings, Refusal> {
    do { return .success(try load(text)) } catch {
      log.critical("the configuration is refused, and so is every container", metadata: ["reason": "\(error)"])
      return .failure(Refusal("stockade's configuration is broken: \(error)"))
    }
  }

  /// Each event costs every container of the node a round trip, so only what is used.
  private var events: EventMask {
    var events: EventMask = [
      .runPodSandbox, .stopPodSandbox, .removePodSandbox, .createContainer, .startContainer, .stopContainer,
      .removeContainer,
    ]
    if case .none = support { return events }
    // From NRI 0.10 on, as is the seccomp policy.
    events.insert(.validateContainerAdjustment)
    return events
  }

  package func shutdown() { log.info("the runtime shuts down") }

  // MARK: Pods

  package func runPodSandbox(_ pod: PodSandbox) throws {
    guard needsGate(pod) else { return }
    do throws(EnforcementError) {
      if try enforcer.closeGate(Enforcer.Sandbox(pod)) || !enforcer.hasGates { return }
      log.log(
        // Without a parent it is no kubelet's.
        level: pod.cgroupParent.isEmpty ? .debug : .warning,
        "a pod has no gate: its containers start unconfined while stockade is away",
        metadata: [
          "pod": "\(pod.namespace)/\(pod.name)", "cgroupParent": "\(pod.cgroupParent)",
          "check": "the kubelet's cgroupsPerQOS",
        ])
    } catch {
      throw Refusal("pod \(pod.namespace)/\(pod.name): cannot close its gate: \(error)")
    }
  }

  package func stopPodSandbox(_ pod: PodSandbox) throws { openGate(pod) }
  package func removePodSandbox(_ pod: PodSandbox) throws {
    openGate(pod)
    // The pause process, which was let through the gate.
    release(pod.id)
  }

  private func openGate(_ pod: PodSandbox) {
    do throws(EnforcementError) { try enforcer.openGate(sandbox: pod.id) } catch {
      log.error("cannot open a gate", metadata: ["pod": "\(pod.namespace)/\(pod.name)", "reason": "\(error)"])
    }
  }

  private func needsGate(_ pod: PodSandbox) -> Bool {
    guard case .success(let settings) = settings else { return true }
    guard !NodeCapabilities.isSandboxed(runtimeHandler: pod.runtimeHandler) else { return false }
    return settings.configuration.needsGate(pod: PodContext(pod)) { name in
      (try? settings.profiles.profile(named: name))?.profile.mode == .audit
    }
  }

  // MARK: Containers

  package func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    let decided = try prepare(pod, container)
    prepared[container.id] = decided
    return decided.policy
  }

  private func prepare(_ pod: PodSandbox, _ container: Container) throws -> Prepared {
    let choice = try choose(pod, container)
    guard case .profile(let name, let because) = choice else { return Prepared(choice: choice, policy: nil) }
    let loaded = try settings.get().profiles.profile(named: name)
    _ = try acceptedGaps(loaded.profile, pod)
    log.debug("prepared", metadata: metadata(pod, container, ["profile": "\(name)", "because": "\(because)"]))
    return Prepared(choice: choice, policy: try policy(of: loaded, pod, container))
  }

  /// What Create decided; where we were away then, what it would have.
  private func decision(_ pod: PodSandbox, _ container: Container) throws -> Prepared {
    try prepared[container.id] ?? prepare(pod, container)
  }

  package func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws {
    let decided = try decision(pod, container)
    guard case .profile(let name, _) = decided.choice, let ours = decided.policy else { return }
    if policy != ours {
      throw Refusal(
        profile: name,
        "another plugin changed the seccomp policy after it was set; remove that plugin or the profile's seccomp section"
      )
    }
  }

  package func startContainer(pod: PodSandbox, container: Container) throws {
    let start = Enforcer.Start(pod, container)
    do { try confine(start, pod, container) } catch {
      enforcer.refuse(start)
      throw error
    }
  }

  private func confine(_ start: Enforcer.Start, _ pod: PodSandbox, _ container: Container) throws {
    let decided = try decision(pod, container)
    guard case .profile(let name, _) = decided.choice else {
      do throws(EnforcementError) { return try enforcer.admit(start) } catch {
        throw Refusal("cannot let container \(container.name) through its pod's gate: \(error)")
      }
    }
    let loaded = try settings.get().profiles.profile(named: name)
    // Again: since Create the profile may have got another text.
    report(try acceptedGaps(loaded.profile, pod), of: loaded.profile, pod, container)
    do throws(EnforcementError) {
      let gaps = try enforcer.activate(start, profile: loaded.profile, expectsFilter: decided.policy != nil)
      report(gaps, of: loaded.profile, pod, container)
      log.info("confined", metadata: metadata(pod, container, ["profile": "\(name)", "tier": "\(enforcer.tier.name)"]))
    } catch {
      try refuseUnlessIgnored(loaded.profile, "\(error)", pod, container)
      let why = "\(error)"
      let lost = loaded.profile.lostProcessRules(because: why) + loaded.profile.lostNetworkRules(because: why)
      report(lost, of: loaded.profile, pod, container)
      admitUnconfined(start, pod, container)
    }
  }

  private func admitUnconfined(_ start: Enforcer.Start, _ pod: PodSandbox, _ container: Container) {
    do throws(EnforcementError) { try enforcer.admit(start) } catch {
      log.error(
        "a container starts closed: every program in it is killed",
        metadata: metadata(pod, container, ["reason": "\(error)"]))
    }
  }

  package func stopContainer(pod: PodSandbox, container: Container) throws { release(container.id) }

  package func removeContainer(pod: PodSandbox, container: Container) throws {
    release(container.id)
    prepared[container.id] = nil
  }

  /// An error is only logged: the runtime would do no more with it, and the sweep tries again.
  private func release(_ id: String) {
    do throws(ReleaseError) {
      if try !enforcer.release(id) {
        log.info(
          "processes remain; execs are forbidden until they are gone", metadata: ["container": "\(id)"])
      }
    } catch {
      log.error("\(error)", metadata: ["container": "\(id)", "check": "CAP_SYS_ADMIN of the plugin"])
    }
  }

  // MARK: Decisions

  private func choose(_ pod: PodSandbox, _ container: Container) throws -> Choice {
    try settings.get().configuration.choose(
      pod: PodContext(pod),
      container: ContainerContext(name: container.name, image: container.annotations[Self.imageAnnotation] ?? ""))
  }

  /// Of containerd's CRI; NRI itself has no image before containerd 2.4.
  static let imageAnnotation = "io.kubernetes.cri.image-name"

  /// What the profile lets pass unenforced on this node.
  private func acceptedGaps(_ profile: Profile, _ pod: PodSandbox) throws -> [Gap] {
    let node = NodeCapabilities(
      tier: enforcer.tier, tierReason: tierReason, networkProblem: enforcer.networkProblem,
      runtimeHandler: pod.runtimeHandler)
    let gaps = profile.gaps(on: node)
    if let refusal = profile.refusal(gaps) { throw Refusal(refusal) }
    return gaps
  }

  private func report(_ gaps: [Gap], of profile: Profile, _ pod: PodSandbox, _ container: Container) {
    for gap in gaps {
      // What the profile's author accepted is no news for each container.
      let level: Logger.Level = gap.coverage == .partial && profile.acceptPartial ? .debug : .warning
      log.log(
        level: level, "not enforced",
        metadata: metadata(pod, container, ["profile": "\(profile.name)", "gap": "\(gap)"]))
    }
  }

  private func policy(of loaded: LoadedProfile, _ pod: PodSandbox, _ container: Container) throws -> LinuxSeccomp? {
    guard let seccomp = loaded.seccomp else { return nil }
    guard !NodeCapabilities.isSandboxed(runtimeHandler: pod.runtimeHandler) else { return nil }
    do throws(SeccompError) {
      let adapted = try adapt(seccomp, to: support)
      for note in adapted.notes {
        log.debug(
          "seccomp", metadata: metadata(pod, container, ["profile": "\(loaded.profile.name)", "note": "\(note)"]))
      }
      return LinuxSeccomp(adapted.filter)
    } catch {
      try refuseUnlessIgnored(loaded.profile, "\(error)", pod, container)
      return nil
    }
  }

  private func refuseUnlessIgnored(
    _ profile: Profile, _ reason: String, _ pod: PodSandbox, _ container: Container
  ) throws {
    if profile.failurePolicy == .fail { throw Refusal(profile: profile.name, reason) }
    log.warning(
      "not enforced", metadata: metadata(pod, container, ["profile": "\(profile.name)", "gap": "\(reason)"]))
  }

  private func metadata(_ pod: PodSandbox, _ container: Container, _ more: Logger.Metadata) -> Logger.Metadata {
    more.merging(
      ["pod": "\(pod.namespace)/\(pod.name)", "container": "\(container.name)", "id": "\(container.id)"]
    ) { a, _ in a }
  }

  // MARK: Synchronize

  package func synchronize(pods: [PodSandbox], containers: [Container]) throws {
    let byID = Dictionary(pods.map { ($0.id, $0) }) { a, _ in a }
    // Of containers whose end was never told.
    let listed = Set(containers.map(\.id))
    prepared = prepared.filter { listed.contains($0.key) }
    for container in containers where container.isRunning {
      guard let pod = byID[container.podSandboxID] else { continue }
      adopt(pod, container)
    }
    // Gates only now: what runs already had to be let through first.
    for pod in pods where needsGate(pod) {
      for container in containers where container.podSandboxID == pod.id && container.isRunning {
        admitAdopted(pod, container)
      }
      do { try runPodSandbox(pod) } catch { log.error("\(error)") }
    }
    // Last, so that a gate which an earlier process closed is taken over and never open in between.
    do throws(KernelError) { try enforcer.settle(sandboxes: Set(byID.keys)) } catch {
      log.error("cannot settle what an earlier process left", metadata: ["reason": "\(error)"])
    }
  }

  /// A running container cannot be refused any more: what cannot be enforced is reported, and what was in force stays.
  private func adopt(_ pod: PodSandbox, _ container: Container) {
    let start = Enforcer.Start(pod, container)
    do {
      guard case .profile(let name, _) = try choose(pod, container) else { return try enforcer.admit(start) }
      let loaded = try settings.get().profiles.profile(named: name)
      report(try acceptedGaps(loaded.profile, pod), of: loaded.profile, pod, container)
      report(try enforcer.adopt(start, profile: loaded.profile), of: loaded.profile, pod, container)
      log.info("adopted", metadata: metadata(pod, container, ["profile": "\(name)"]))
    } catch {
      let kept = (try? enforcer.keepPrevious(start)) ?? false
      log.error(
        "cannot confine a running container",
        metadata: metadata(pod, container, ["reason": "\(error)", "previousPolicyKept": "\(kept)"]))
    }
  }

  private func admitAdopted(_ pod: PodSandbox, _ container: Container) {
    guard enforcer.entry(container.id) == nil else { return }
    do throws(EnforcementError) { try enforcer.admit(Enforcer.Start(pod, container), beforeGate: true) } catch {
      log.error("cannot let a running container through", metadata: metadata(pod, container, ["reason": "\(error)"]))
    }
  }
}

extension SeccompSupport {
  fileprivate init(_ message: NRI.Configuration) {
    let nri = message.nriVersion.isEmpty ? "" : " (NRI \(message.nriVersion))"
    self =
      switch message.features.seccomp {
      case .ignored: .ignored(by: "\(message.runtimeName) \(message.runtimeVersion)\(nri)")
      case .withoutErrno: .withoutErrno
      case .full: .full
      }
  }
}

extension Container {
  var isRunning: Bool { [.paused, .running].contains(ContainerState(rawValue: state)) && pid > 0 }
}

extension PodContext {
  init(_ pod: PodSandbox) { self.init(namespace: pod.namespace, labels: pod.labels, annotations: pod.annotations) }
}

extension Enforcer.Sandbox {
  init(_ pod: PodSandbox) {
    let subject = Subject(
      containerID: "", containerName: "", podName: pod.name, podNamespace: pod.namespace, podUID: pod.uid, image: "")
    self.init(id: pod.id, cgroupParent: pod.cgroupParent, pid: pod.pid, subject: subject)
  }
}

extension Enforcer.Start {
  init(_ pod: PodSandbox, _ container: Container) {
    self.init(
      subject: Subject(
        containerID: container.id, containerName: container.name, podName: pod.name, podNamespace: pod.namespace,
        podUID: pod.uid, image: container.annotations[Plugin.imageAnnotation] ?? ""),
      sandboxID: pod.id, cgroupsPath: container.cgroupsPath, pid: container.pid)
  }
}

extension Logger.Level {
  init(_ level: NodeConfiguration.LogLevel) { self = Logger.Level(rawValue: level.rawValue) ?? .info }
}
