import Enforcement
import Logging
import NRI
import Policy
import Seccomp
import Synchronization
import System

/// Stockade as the runtime sees it: what is done at each step of a container's life.
///
/// All of it runs on the session's thread. What other threads share (profiles, the enforcer) guards itself.
package final class Plugin: PluginHandler {
  private let enforcer: Enforcer
  private var log: Logger
  private let load: (_ text: String) throws -> Settings
  private let didConfigure: () -> Void
  private var settings: Result<Settings, Refusal> = .failure(Refusal("the runtime has sent no Configure yet"))
  private var runtimeName = ""
  private var support = SeccompSupport.none(reason: "the runtime has not said what it is")
  /// What Create decided, until Remove.
  private var prepared = RecentValues<String, Prepared>(limit: Plugin.preparedMaximum)
  /// The runtime may forget to tell of a container's end, and what was decided is decided again where it is missing.
  static let preparedMaximum = 1024

  private struct Prepared {
    var choice: Choice
    /// What was sent to the runtime.
    var policy: LinuxSeccomp?
  }

  /// - Parameters:
  ///   - didConfigure: called when settings are there, and what an earlier process left is known.
  ///   - load: settings by the text of Configure. An error refuses every container.
  package init(
    enforcer: Enforcer, log: Logger, didConfigure: @escaping () -> Void = {},
    load: @escaping (_ text: String) throws -> Settings
  ) {
    self.enforcer = enforcer
    self.log = log
    self.didConfigure = didConfigure
    self.load = load
  }

  package func configure(_ message: NRI.Configuration) throws -> EventMask {
    support = SeccompSupport(message)
    runtimeName = message.runtimeName
    log.info(
      "registered with the runtime",
      metadata: [
        "runtime": "\(message.runtimeName)", "version": "\(message.runtimeVersion)", "nri": "\(message.nriVersion)",
        "seccomp": "\(support)", "tier": "\(enforcer.tier.name)",
      ])
    settings = loaded(message.config)
    do throws(BackendError) { try enforcer.inherit() } catch {
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
      .runPodSandbox, .removePodSandbox, .createContainer, .startContainer, .stopContainer, .removeContainer,
    ]
    if case .none = support { return events }
    // From NRI 0.10 on, as is the seccomp policy.
    events.insert(.validateContainerAdjustment)
    return events
  }

  package func shutdown() { log.info("the runtime shuts down") }

  // MARK: Pods

  package func runPodSandbox(_ pod: PodSandbox) throws {
    try setGate(Enforcer.Sandbox(pod, withoutPID: .none), pod)
  }

  private func setGate(_ sandbox: Enforcer.Sandbox, _ pod: PodSandbox) throws {
    do throws(EnforcementError) {
      guard needsGate(pod) else { return try enforcer.openGate(sandbox) }
      let refused = try enforcer.closeGate(sandbox)
      if let refused, refused > 0 {
        log.warning(
          "a pod's gate has refused programs",
          metadata: ["pod": "\(pod.namespace)/\(pod.name)", "execs": "\(refused)"])
      }
      if refused != nil || !enforcer.hasGates { return }
      log.log(
        // Without a parent it is no kubelet's.
        level: pod.cgroupParent.isEmpty ? .debug : .warning,
        "a pod has no gate: its containers start unconfined while stockade is away",
        metadata: [
          "pod": "\(pod.namespace)/\(pod.name)", "cgroupParent": "\(pod.cgroupParent)",
          "check": "the kubelet's cgroupsPerQOS",
        ])
    } catch {
      throw Refusal("pod \(pod.namespace)/\(pod.name): cannot set its gate: \(error)")
    }
  }

  /// Not asked for: the kernel knows when a sandbox is over.
  package func stopPodSandbox(_ pod: PodSandbox) throws {}
  package func removePodSandbox(_ pod: PodSandbox) throws { enforcer.forgetSandbox(pod.id) }

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
    prepared.insert(decided, for: container.id)
    return decided.policy
  }

  private func prepare(_ pod: PodSandbox, _ container: Container) throws -> Prepared {
    let choice = try choose(pod, container)
    guard case .profile(let name, let because) = choice else { return Prepared(choice: choice, policy: nil) }
    let loaded = try settings.get().profiles.profile(named: name)
    _ = try acceptedGaps(loaded.profile, pod, on: enforcer.presentCapabilities)
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
      if let why = enforcer.refuse(start) {
        log.critical(
          "a refused container could not be closed", metadata: metadata(pod, container, ["reason": "\(why)"]))
      }
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
    let accepted = try acceptedGaps(loaded.profile, pod, on: enforcer.presentCapabilities)
    report(accepted, of: loaded.profile, pod, container)
    do throws(EnforcementError) {
      let gaps = try enforcer.activate(start, profile: loaded.compiled, expectsFilter: decided.policy != nil)
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
    do throws(EnforcementError) { try enforcer.admit(start, afterFailure: true) } catch {
      log.error(
        "a container starts closed: every program in it is killed",
        metadata: metadata(pod, container, ["reason": "\(error)"]))
    }
  }

  package func stopContainer(pod: PodSandbox, container: Container) throws { release(container.id) }

  package func removeContainer(pod: PodSandbox, container: Container) throws {
    release(container.id)
    prepared.remove(container.id)
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
    if container.annotations[Self.overLong] != nil {
      throw Refusal(
        "container \(container.name): its annotation \(Self.imageAnnotation) is over "
          + "\(ObjectNeeds.annotationsMaximumBytes) bytes, so that its image is not known")
    }
    return try settings.get().configuration.choose(
      pod: PodContext(pod),
      container: ContainerContext(name: container.name, image: container.annotations[Self.imageAnnotation] ?? ""))
  }

  /// Of containerd's CRI; NRI itself has no image before containerd 2.4.
  static let imageAnnotation = "io.kubernetes.cri.image-name"

  /// What the profile lets pass unenforced on this node.
  private func acceptedGaps(
    _ profile: Profile, _ pod: PodSandbox, on node: (_ runtimeHandler: String) -> NodeCapabilities
  ) throws -> [Gap] {
    let gaps = profile.gaps(on: node(pod.runtimeHandler))
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

  package var needs: ObjectNeeds {
    ObjectNeeds(
      annotations: [Annotation.all], containerAnnotations: [Self.imageAnnotation],
      labels: (try? settings.get().configuration.labelKeys) ?? [], substitute: Self.overLong)
  }

  /// Of a pod none that is known, so that nothing in it goes unconfined for it.
  private static let overLong = "\(Annotation.all)/annotations-over-\(ObjectNeeds.annotationsMaximumBytes)-bytes"

  package func endedUntold() {
    log.error(
      "the runtime ended the session before it told what runs", metadata: ["check": "\(Self.untoldAdvice)"])
  }

  private static let untoldAdvice =
    "the runtime's log. containerd 1.7 cannot send a list over 16 MiB, and containerd 2.0 and 2.1 cannot split one of "
    + "few containers and many large pods: make the pods' annotations shorter"

  package func cannotSynchronize(_ reason: NRIError) {
    log.critical(
      "the runtime's list of what runs cannot be used, and the runtime goes on without stockade",
      metadata: [
        "reason": "\(reason)", "gates": "those that are closed stay closed: nothing starts in those pods",
      ])
  }

  package func synchronize(pods: [PodSandbox], containers: [Container]) throws {
    let byID = Dictionary(pods.map { ($0.id, $0) }) { a, _ in a }
    // Of containers whose end was never told.
    let listed = Set(containers.map(\.id))
    prepared.keep { listed.contains($0) }
    for container in containers where container.isRunning {
      guard let pod = byID[container.podSandboxID] else { continue }
      adopt(pod, container)
    }
    // Gates only now: what runs already had to be let through first.
    for pod in pods {
      if needsGate(pod) {
        for container in containers where container.podSandboxID == pod.id && container.isRunning {
          admitAdopted(pod, container)
        }
      }
      // containerd names no process of a sandbox that is over, and CRI-O none where it starts none either.
      let sandbox = Enforcer.Sandbox(pod, withoutPID: runtimeName == "cri-o" ? .noneOrOver : .unknown)
      do { try setGate(sandbox, pod) } catch { log.error("\(error)") }
    }
    // Last, so that a gate which an earlier process closed is taken over and never open in between.
    do throws(BackendError) { try enforcer.settle(sandboxes: Set(byID.keys)) } catch {
      log.error("cannot settle what an earlier process left", metadata: ["reason": "\(error)"])
    }
  }

  /// A running container cannot be refused any more: what cannot be enforced is reported, and what was in force stays.
  private func adopt(_ pod: PodSandbox, _ container: Container) {
    let start = Enforcer.Start(pod, container)
    do {
      guard case .profile(let name, _) = try choose(pod, container) else { return try enforcer.admit(start) }
      let loaded = try settings.get().profiles.profile(named: name)
      let accepted = try acceptedGaps(loaded.profile, pod, on: enforcer.capabilities)
      report(accepted, of: loaded.profile, pod, container)
      let hasFilter = loaded.seccomp != nil && !NodeCapabilities.isSandboxed(runtimeHandler: pod.runtimeHandler)
      let gaps = try enforcer.adopt(start, profile: loaded.compiled, expectsFilter: hasFilter)
      report(gaps, of: loaded.profile, pod, container)
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
  /// - Parameter withoutPID: what it means where the runtime names no process.
  init(_ pod: PodSandbox, withoutPID: Enforcer.SandboxProcess) {
    let subject = Subject(
      containerID: "", containerName: "", podName: pod.name, podNamespace: pod.namespace, podUID: pod.uid, image: "")
    self.init(
      id: pod.id, cgroupParent: pod.cgroupParent, process: pod.pid > 0 ? .pid(pod.pid) : withoutPID, subject: subject)
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
