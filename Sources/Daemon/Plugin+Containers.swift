import Enforcement
import Logging
import NRI
import Policy
import Seccomp
import System

/// The life of a container.
extension Plugin {
  /// What Create decided.
  struct Prepared {
    var choice: Choice
    /// The filter that was sent to the runtime.
    var sent: SeccompFilter?
    /// What the profile said of the filter.
    var seccomp: ResolvedSeccomp?
    /// What the profile was judged by.
    var facts: ContainerFacts

    /// In the runtime's words.
    var policy: LinuxSeccomp? { sent.map { LinuxSeccomp($0) } }

    /// Whether the container was left the filter that its pod brings.
    private var keptPodFilter: Bool {
      seccomp != nil && policy == nil && facts.filterProblem == nil && !facts.isSandboxed
    }

    /// The facts by which the profile's text at Start is judged. A filter that the text got after Create is not the
    /// container's.
    func facts(under loaded: LoadedProfile) -> ContainerFacts {
      guard let now = loaded.seccomp, !facts.isSandboxed, policy != nil || !loaded.profile.keepsPodFilter(facts),
        keptPodFilter || now.filter != seccomp?.filter || now.optional != seccomp?.optional
      else { return facts }
      var facts = facts
      facts.filterProblem = "the profile got another seccomp filter after the container was created"
      return facts
    }
  }

  package func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    let decided = try prepare(pod, container)
    prepared.insert(decided, for: container.id)
    return decided.policy
  }

  private func prepare(_ pod: PodSandbox, _ container: Container) throws -> Prepared {
    let choice = try choose(pod, container)
    tellAnnotations(pod, container, choice)
    var facts = ContainerFacts(runtimeHandler: pod.runtimeHandler)
    facts.podFilter = PodFilter(container, told: filterReport)
    guard case .profile(let name, let because) = choice else {
      return Prepared(choice: choice, facts: facts)
    }
    let loaded = try profile(named: name)
    var sent: SeccompFilter?
    do { sent = try filter(of: loaded, facts, pod, container) } catch {
      facts.filterProblem = "\(error)"
    }
    facts.filterWasSent = sent != nil
    facts.filterDeniesPacketSockets = sent != nil && loaded.seccomp?.deniesPacketSockets == true
    let assessment = loaded.compiled.assess(node: enforcer.presentCapabilities, container: facts)
    if let refusal = assessment.refusal { throw Refusal(refusal) }
    log.debug("prepared", metadata: metadata(pod, container, ["profile": "\(name)", "because": "\(because)"]))
    if sent != nil { tellReplaced(facts.podFilter, by: loaded.profile, pod, container) }
    return Prepared(choice: choice, sent: sent, seccomp: loaded.seccomp, facts: facts)
  }

  /// What a pod asked for is replaced only with a word of it. In mode Audit the new filter denies nothing.
  private func tellReplaced(_ filter: PodFilter, by profile: Profile, _ pod: PodSandbox, _ container: Container) {
    if filter == .unconfined { return }
    log.log(
      level: profile.mode == .audit ? .warning : .info, "the profile's seccomp filter replaces the pod's own",
      metadata: metadata(
        pod, container, ["profile": "\(profile.name)", "mode": "\(profile.mode.rawValue)", "replaced": "\(filter)"]))
  }

  /// What Create decided. If Stockade was away then, it is decided now.
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

  /// This is the only place that closes a container, and the only one that lets it through. Whatever is thrown on the
  /// way closes the container.
  package func startContainer(pod: PodSandbox, container: Container) throws {
    let start = Enforcer.Start(pod, container, labels: eventLabels)
    do {
      let decided = try decision(pod, container)
      guard case .profile(let name, _) = decided.choice else { return try admit(start, container) }
      let (assessment, failure) = try putInForce(name, start, facts: decided.facts(under:))
      if let refusal = assessment.refusal { throw Refusal(refusal) }
      log.report(assessment, of: start.subject)
      if decided.sent != nil { warnOfCapabilities(decided.seccomp, pod, container) }
      tellDenials(of: container)
      if failure == nil {
        log.info(
          "confined", metadata: metadata(pod, container, ["profile": "\(name)", "tier": "\(enforcer.tier.name)"]))
      } else {
        admitUnconfined(start, pod, container)
      }
    } catch {
      if let why = enforcer.close(start) {
        log.critical(
          "a refused container could not be closed", metadata: metadata(pod, container, ["reason": "\(why)"]))
      }
      throw error
    }
  }

  /// Only what Create decided was sent to the runtime.
  private func tellDenials(of container: Container) {
    guard let decided = prepared[container.id], let sent = decided.sent, let resolved = decided.seccomp,
      let entry = enforcer.entry(container.id)
    else { return }
    filters?.insert(container.id, entry.cgroup.id, (filter: sent, of: resolved))
  }

  /// The filter was made before there was a process whose capabilities could be looked at.
  private func warnOfCapabilities(_ seccomp: ResolvedSeccomp?, _ pod: PodSandbox, _ container: Container) {
    guard let deciding = seccomp?.decidingCapabilities, !deciding.isEmpty,
      let status = try? Files.text("/proc/\(container.pid)/status")
    else { return }
    let missing = Capabilities.available(inStatus: status).filter(deciding.contains)
    guard !missing.isEmpty else { return }
    log.warning(
      "the seccomp filter leaves out its rules for capabilities that the container has",
      metadata: metadata(
        pod, container,
        [
          "capabilities": "\(missing.joined(separator: " "))",
          "advice": "if its programs need them, name them in spec.seccomp.addedCapabilities of the profile",
        ]))
  }

  private func tellAnnotations(_ pod: PodSandbox, _ container: Container, _ choice: Choice) {
    for part in annotations.came(container.name, to: pod.id, PodContext(pod), choice) {
      log.notice("an annotation may not do what was meant", metadata: metadata(pod, container, ["problem": "\(part)"]))
    }
  }

  private func admit(_ start: Enforcer.Start, _ container: Container) throws {
    do { try enforcer.admit(start) } catch {
      throw Refusal("cannot let container \(container.name) through its pod's gate: \(error)")
    }
  }

  /// Each text is judged and put in force by a plan of its own. More texts than this cannot come while a container
  /// starts, because a folder that changes is read after a pause.
  private static let plansMaximum = 8

  /// Puts a profile in force, in the text that it has when the container is opened.
  ///
  /// - Parameter facts: what is known of the container under a text.
  /// - Returns: what is in force. If it has a refusal, nothing was written. If there is a failure, it is what the
  ///   failure leaves.
  /// - Throws: if the profile cannot be used.
  func putInForce(
    _ name: String, _ start: Enforcer.Start, facts: (LoadedProfile) -> ContainerFacts
  ) throws -> (assessment: Assessment, failure: EnforcementError?) {
    for _ in 0..<Self.plansMaximum {
      let loaded = try profile(named: name)
      var facts = facts(loaded)
      let plan: StartPlan
      do { plan = try enforcer.plan(start, loaded.compiled, known: facts) } catch {
        facts.failure = "\(error)"
        return (loaded.compiled.assess(node: enforcer.presentCapabilities, container: facts), error)
      }
      guard plan.assessment.refusal == nil else { return (plan.assessment, nil) }
      do {
        let inForce = try enforcer.open(plan) { (try? profile(named: name)) == loaded }
        if let inForce {
          tell(plan.pathlessMounts, of: start)
          tell(plan.aliases, of: loaded.profile, start)
          idle?.look(loaded.profile, of: start.subject, pid: start.pid)
          return (inForce, nil)
        }
      } catch { return (plan.failing(error).assessment, error) }
    }
    throw Refusal(profile: name, "its text changes faster than a container starts")
  }

  private func tell(_ pathless: [String], of start: Enforcer.Start) {
    if pathless.isEmpty { return }
    log.warning(
      "files below these mounts have no path: the strictest action of the profile's section decides about them",
      metadata: start.subject.metadata(["mounts": "\(pathless.joined(separator: ", "))"]))
  }

  private func admitUnconfined(_ start: Enforcer.Start, _ pod: PodSandbox, _ container: Container) {
    do { try enforcer.admit(start, afterFailure: true) } catch {
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

  /// An error is only logged: the runtime could do no more with it, and the sweep tries again.
  private func release(_ id: String) {
    do {
      if try !enforcer.release(id) {
        log.info(
          "processes remain; execs are forbidden until they are gone", metadata: ["container": "\(id)"])
      }
      filters?.keep { $0 != id || enforcer.entry(id) != nil }
    } catch {
      log.error("\(error)", metadata: ["container": "\(id)", "check": "CAP_SYS_ADMIN of the plugin"])
    }
  }

  // MARK: Decisions

  func profile(named name: String) throws -> LoadedProfile {
    try settings.get().profiles.profile(named: name)
  }

  func choose(_ pod: PodSandbox, _ container: Container) throws -> Choice {
    if container.annotations[Self.overLong] != nil {
      throw Refusal(
        "container \(container.name): its annotation \(Self.imageAnnotation) is over "
          + "\(ObjectNeeds.annotationsMaximumBytes) bytes, so that its image is not known")
    }
    return try settings.get().configuration.choose(
      pod: PodContext(pod),
      container: ContainerContext(name: container.name, image: container.annotations[Self.imageAnnotation] ?? ""))
  }

  /// An annotation of containerd's CRI: the name that the pod's author wrote. NRI's own field for the image, which
  /// containerd fills since 2.4, has a name that the node knows.
  static let imageAnnotation = "io.kubernetes.cri.image-name"

  /// nil: the profile has no filter, the container keeps its pod's, or the node's kernel does not see the container's
  /// calls (gVisor, Kata).
  private func filter(
    of loaded: LoadedProfile, _ facts: ContainerFacts, _ pod: PodSandbox, _ container: Container
  ) throws(SeccompError) -> SeccompFilter? {
    guard let seccomp = loaded.seccomp, !facts.isSandboxed, !loaded.profile.keepsPodFilter(facts) else { return nil }
    let adapted = try adapt(seccomp, to: support)
    for note in adapted.notes {
      log.debug(
        "seccomp", metadata: metadata(pod, container, ["profile": "\(loaded.profile.name)", "note": "\(note)"]))
    }
    return adapted.filter
  }
}
