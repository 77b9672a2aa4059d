import Enforcement
import Logging
import NRI
import Policy

/// What runs already when Stockade connects to the runtime.
extension Plugin {
  package var needs: ObjectNeeds {
    ObjectNeeds(
      annotations: [Annotation.all], containerAnnotations: [Self.imageAnnotation],
      labels: (try? settings.get().configuration.labelKeys) ?? [], substitute: Self.overLong)
  }

  /// Stands in the place of annotations that are too long. For a pod it is an unknown annotation of ours, so the pod's
  /// containers are refused and none is unconfined.
  static let overLong = "\(Annotation.all)/annotations-over-\(ObjectNeeds.annotationsMaximumBytes)-bytes"

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
    annotations.reset()
    let byID = Dictionary(pods.map { ($0.id, $0) }) { a, _ in a }
    // What was prepared for containers whose end the runtime never reported is forgotten.
    let listed = Set(containers.map(\.id))
    prepared.keep { listed.contains($0) }
    var leftOut = 0
    for container in containers where container.isRunning {
      guard let pod = byID[container.podSandboxID] else { continue }
      if !adopt(pod, container) { leftOut += 1 }
    }
    session.adopted(leftOut: leftOut)
    // Gates close only now, because what runs had to be let through first.
    for pod in pods {
      if needsGate(pod) {
        for container in containers where container.podSandboxID == pod.id && container.isRunning {
          admitAdopted(pod, container)
        }
      }
      // containerd names no process if the sandbox is over. CRI-O names none also if it starts none.
      let sandbox = Enforcer.Sandbox(
        pod, labels: eventLabels, withoutPID: runtimeName == "cri-o" ? .noneOrOver : .unknown)
      do { try setGate(sandbox, pod) } catch { log.error("\(error)") }
    }
    // Last, so that a gate which an earlier process closed is never open in between.
    let unsoftened = (try? settings.get().configuration.profilesWithoutAudit) ?? []
    do { try enforcer.settle(sandboxes: Set(byID.keys), unsoftened: unsoftened) } catch {
      log.error("cannot settle what an earlier process left", metadata: ["reason": "\(error)"])
    }
  }

  /// A running container cannot be refused any more: what cannot be enforced is reported, and what was in force stays.
  ///
  /// - Returns: false: it could not be confined.
  private func adopt(_ pod: PodSandbox, _ container: Container) -> Bool {
    let start = Enforcer.Start(pod, container, labels: eventLabels)
    do {
      guard case .profile(let name, _) = try choose(pod, container) else {
        try enforcer.admit(start)
        note(.unconfined)
        return true
      }
      let wasBound = enforcer.isBound(start)
      let (assessment, failure) = try putInForce(name, start) { loaded in
        var facts = ContainerFacts(runtimeHandler: pod.runtimeHandler)
        facts.ranBefore = true
        // The filters of what runs are not kept.
        facts.podFilter = PodFilter(container, told: .profile)
        facts.filterDeniesPacketSockets = loaded.seccomp?.deniesPacketSockets == true
        return facts
      }
      if let failure { throw failure }
      if let refusal = assessment.refusal { throw Refusal(refusal) }
      log.report(assessment, of: start.subject)
      if let entry = enforcer.entry(container.id), try profile(named: name).seccomp != nil {
        filters?.insert(container.id, entry.cgroup.id, nil)
      }
      log.log(
        level: wasBound ? .info : .notice, "adopted",
        metadata: metadata(pod, container, ["profile": "\(name)", "ranUnconfined": "\(!wasBound)"]))
      note(.confined)
      return true
    } catch {
      note(.failed)
      let kept = (try? enforcer.keepPrevious(start)) ?? false
      log.error(
        "cannot confine a running container",
        metadata: metadata(pod, container, ["reason": "\(error)", "previousPolicyKept": "\(kept)"]))
      return false
    }
  }

  private func note(_ adoption: NodeMetric.Adoption) { counts.add(to: NodeMetric.adoptions, adoption.rawValue) }

  private func admitAdopted(_ pod: PodSandbox, _ container: Container) {
    guard enforcer.entry(container.id) == nil else { return }
    do { try enforcer.admit(Enforcer.Start(pod, container, labels: eventLabels), beforeGate: true) } catch {
      log.error("cannot let a running container through", metadata: metadata(pod, container, ["reason": "\(error)"]))
    }
  }
}
