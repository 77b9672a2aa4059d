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
    let byID = Dictionary(pods.map { ($0.id, $0) }) { a, _ in a }
    // What was prepared for containers whose end the runtime never reported is forgotten.
    let listed = Set(containers.map(\.id))
    prepared.keep { listed.contains($0) }
    for container in containers where container.isRunning {
      guard let pod = byID[container.podSandboxID] else { continue }
      adopt(pod, container)
    }
    // Gates close only now, because what runs had to be let through first.
    for pod in pods {
      if needsGate(pod) {
        for container in containers where container.podSandboxID == pod.id && container.isRunning {
          admitAdopted(pod, container)
        }
      }
      // containerd names no process if the sandbox is over. CRI-O names none also if it starts none.
      let sandbox = Enforcer.Sandbox(pod, withoutPID: runtimeName == "cri-o" ? .noneOrOver : .unknown)
      do { try setGate(sandbox, pod) } catch { log.error("\(error)") }
    }
    // Last, so that a gate which an earlier process closed is never open in between.
    do throws(BackendError) { try enforcer.settle(sandboxes: Set(byID.keys)) } catch {
      log.error("cannot settle what an earlier process left", metadata: ["reason": "\(error)"])
    }
  }

  /// A running container cannot be refused any more: what cannot be enforced is reported, and what was in force stays.
  private func adopt(_ pod: PodSandbox, _ container: Container) {
    let start = Enforcer.Start(pod, container)
    do {
      guard case .profile(let name, _) = try choose(pod, container) else { return try enforcer.admit(start) }
      var facts = ContainerFacts(runtimeHandler: pod.runtimeHandler)
      facts.ranBefore = true
      let (assessment, failure) = try putInForce(name, start) { [facts] _ in facts }
      if let failure { throw failure }
      if let refusal = assessment.refusal { throw Refusal(refusal) }
      log.report(assessment, of: start.subject)
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
