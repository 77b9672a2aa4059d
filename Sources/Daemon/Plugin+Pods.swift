import Enforcement
import Logging
import NRI
import Policy

/// Pods, and their gates.
extension Plugin {
  package func runPodSandbox(_ pod: PodSandbox) throws {
    annotations.begin(pod.id, PodContext(pod))
    try setGate(Enforcer.Sandbox(pod, labels: eventLabels, withoutPID: .none), pod)
  }

  func setGate(_ sandbox: Enforcer.Sandbox, _ pod: PodSandbox) throws {
    do {
      guard needsGate(pod) else { return try enforcer.openGate(sandbox) }
      let refused = try enforcer.closeGate(sandbox)
      if let refused {
        counts.add(to: NodeMetric.gatesClosed)
        counts.add(UInt64(refused), to: NodeMetric.gateRefusals)
      }
      if let refused, refused > 0 {
        log.warning(
          "a pod's gate has refused programs",
          metadata: ["pod": "\(pod.namespace)/\(pod.name)", "execs": "\(refused)"])
      }
      if refused != nil || !enforcer.hasGates { return }
      log.log(
        // A pod without a parent is not the kubelet's.
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

  /// Stockade does not subscribe to this event: the kernel knows when a sandbox is over.
  package func stopPodSandbox(_ pod: PodSandbox) throws {}
  package func removePodSandbox(_ pod: PodSandbox) throws {
    enforcer.forgetSandbox(pod.id)
    let subject = Enforcer.Sandbox(pod, labels: eventLabels, withoutPID: .none).subject
    for part in annotations.end(pod.id) { idle?.tell(part, of: subject, profile: nil) }
  }

  func needsGate(_ pod: PodSandbox) -> Bool {
    guard case .success(let settings) = settings else { return true }
    if ContainerFacts(runtimeHandler: pod.runtimeHandler).isSandboxed { return false }
    return settings.configuration.needsGate(pod: PodContext(pod)) { name in
      (try? settings.profiles.profile(named: name))?.profile.mode == .audit
    }
  }
}
