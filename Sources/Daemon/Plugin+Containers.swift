import Compilation
import Enforcement
import Logging
import NRI
import Policy
import Seccomp

/// The life of a container.
extension Plugin {
  /// What Create decided.
  struct Prepared {
    var choice: Choice
    /// What was sent to the runtime.
    var policy: LinuxSeccomp?
    /// What the profile was judged by.
    var facts: ContainerFacts
  }

  package func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    let decided = try prepare(pod, container)
    prepared.insert(decided, for: container.id)
    return decided.policy
  }

  private func prepare(_ pod: PodSandbox, _ container: Container) throws -> Prepared {
    let choice = try choose(pod, container)
    var facts = ContainerFacts(runtimeHandler: pod.runtimeHandler)
    guard case .profile(let name, let because) = choice else {
      return Prepared(choice: choice, policy: nil, facts: facts)
    }
    let loaded = try settings.get().profiles.profile(named: name)
    var policy: LinuxSeccomp?
    do throws(SeccompError) { policy = try filter(of: loaded, facts, pod, container) } catch {
      facts.filterProblem = "\(error)"
    }
    facts.filterWasSent = policy != nil
    let assessment = loaded.profile.assess(node: enforcer.presentCapabilities, container: facts)
    if let refusal = assessment.refusal { throw Refusal(refusal) }
    log.debug("prepared", metadata: metadata(pod, container, ["profile": "\(name)", "because": "\(because)"]))
    return Prepared(choice: choice, policy: policy, facts: facts)
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

  /// The one place that closes a container, and the one that lets it through: whatever is thrown on the way closes it.
  package func startContainer(pod: PodSandbox, container: Container) throws {
    let start = Enforcer.Start(pod, container)
    do {
      let decided = try decision(pod, container)
      guard case .profile(let name, _) = decided.choice else { return try admit(start, container) }
      let loaded = try settings.get().profiles.profile(named: name)
      if try confine(start, loaded, decided.facts, pod, container) {
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

  private func admit(_ start: Enforcer.Start, _ container: Container) throws {
    do throws(EnforcementError) { try enforcer.admit(start) } catch {
      throw Refusal("cannot let container \(container.name) through its pod's gate: \(error)")
    }
  }

  /// - Returns: whether the profile is in force; false: nothing of it is, and the profile lets the container run so.
  /// - Throws: `Refusal` if the container may not run.
  private func confine(
    _ start: Enforcer.Start, _ loaded: LoadedProfile, _ facts: ContainerFacts, _ pod: PodSandbox,
    _ container: Container
  ) throws -> Bool {
    var facts = facts
    let assessment: Assessment
    do throws(EnforcementError) { assessment = try putInForce(loaded, start, facts) } catch {
      facts.failure = "\(error)"
      assessment = loaded.profile.assess(node: enforcer.presentCapabilities, container: facts)
    }
    if let refusal = assessment.refusal { throw Refusal(refusal) }
    report(assessment, pod, container)
    return facts.failure == nil
  }

  /// - Returns: what is in force. If the assessment has a refusal, nothing was written.
  func putInForce(
    _ loaded: LoadedProfile, _ start: Enforcer.Start, _ facts: ContainerFacts
  ) throws(EnforcementError) -> Assessment {
    let plan = try enforcer.plan(start, loaded.compiled, known: facts)
    guard plan.assessment.refusal == nil else { return plan.assessment }
    let assessment = try enforcer.open(plan)
    keepUp(with: loaded.compiled)
    return assessment
  }

  /// Gives the container the newest text of its profile. A text that was read after the look-up was given to the
  /// containers of that moment, and not to this one. Repeated, because another text may be read meanwhile.
  private func keepUp(with compiled: CompiledProfile) {
    var known = compiled
    while let newest = try? settings.get().profiles.profile(named: known.profile.name).compiled, newest != known,
      newest.profile.assess(node: enforcer.capabilities).refusal == nil
    {
      known = newest
      do throws(BackendError) { try enforcer.replace(newest) } catch {
        log.error(
          "some running containers have the old text of a profile, until the kernel takes the new one",
          metadata: ["profile": "\(newest.profile.name)", "reason": "\(error)"])
      }
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

  /// An annotation of containerd's CRI. NRI itself names no image before containerd 2.4.
  static let imageAnnotation = "io.kubernetes.cri.image-name"

  func report(_ assessment: Assessment, _ pod: PodSandbox, _ container: Container) {
    // What the profile's author accepted is no news for each container.
    for (level, gaps) in [(Logger.Level.warning, assessment.ignored), (.debug, assessment.accepted)] {
      for gap in gaps {
        log.log(
          level: level, "not enforced",
          metadata: metadata(pod, container, ["profile": "\(assessment.profile)", "gap": "\(gap)"]))
      }
    }
  }

  /// nil: the profile has no filter, or the node's kernel does not see the container's calls (gVisor, Kata).
  private func filter(
    of loaded: LoadedProfile, _ facts: ContainerFacts, _ pod: PodSandbox, _ container: Container
  ) throws(SeccompError) -> LinuxSeccomp? {
    guard let seccomp = loaded.seccomp, !facts.isSandboxed else { return nil }
    let adapted = try adapt(seccomp, to: support)
    for note in adapted.notes {
      log.debug(
        "seccomp", metadata: metadata(pod, container, ["profile": "\(loaded.profile.name)", "note": "\(note)"]))
    }
    return LinuxSeccomp(adapted.filter)
  }
}
