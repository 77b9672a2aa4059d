import Enforcement
import Logging
import NRI
import Policy
import Seccomp

// What the runtime says, in the words of the other modules.

extension SeccompSupport {
  init(_ message: NRI.Configuration) {
    let nri = message.nriVersion.isEmpty ? "" : " (NRI \(message.nriVersion))"
    self =
      switch message.features.seccomp {
      case .ignored: .ignored(by: "\(message.runtimeName) \(message.runtimeVersion)\(nri)")
      case .withoutErrno: .withoutErrno
      case .full: .full
      }
  }
}

extension PodFilter {
  init(_ container: Container, told report: FilterReport) {
    let hasFilter = container.seccompPolicy != nil
    guard let asked = container.seccompProfile else {
      self = hasFilter ? .ofRuntime : report == .nothing ? .unknown : .unconfined
      return
    }
    // A privileged container has no filter, whatever its pod asks for.
    if report == .filter, !hasFilter {
      self = .unconfined
      return
    }
    self =
      switch SecurityProfile.Kind(rawValue: asked.kind) {
      case .runtimeDefault: .runtimeDefault
      case .localhost: .localhost(asked.localhostReference)
      case .unconfined: hasFilter ? .ofRuntime : .unconfined
      case nil: .unknown
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
  /// - Parameters:
  ///   - labels: names of the pod's labels that events repeat.
  ///   - withoutPID: what it means if the runtime names no process.
  init(_ pod: PodSandbox, labels: [String], withoutPID: Enforcer.SandboxProcess) {
    let subject = Subject(
      containerID: "", containerName: "", podName: pod.name, podNamespace: pod.namespace, podUID: pod.uid, image: "",
      labels: PodLabel.chosen(labels, of: pod.labels))
    self.init(
      id: pod.id, cgroupParent: pod.cgroupParent, process: pod.pid > 0 ? .pid(pod.pid) : withoutPID, subject: subject)
  }
}

extension Subject {
  /// - Parameter labels: names of the pod's labels that events repeat.
  init(_ pod: PodSandbox, _ container: Container, labels: [String] = []) {
    self.init(
      containerID: container.id, containerName: container.name, podName: pod.name, podNamespace: pod.namespace,
      podUID: pod.uid, image: container.annotations[Plugin.imageAnnotation] ?? "",
      labels: PodLabel.chosen(labels, of: pod.labels))
  }
}

extension Enforcer.Start {
  /// - Parameter labels: names of the pod's labels that events repeat.
  init(_ pod: PodSandbox, _ container: Container, labels: [String]) {
    self.init(
      subject: Subject(pod, container, labels: labels), sandboxID: pod.id, cgroupsPath: container.cgroupsPath,
      pid: container.pid,
      mounts: container.mounts.map {
        ContainerVolumes.Named(destination: $0.destination, isAtomic: $0.isAtomicVolume(ofPod: pod.uid))
      })
  }
}

extension Mount {
  /// Whether the kubelet writes this volume, each time into a folder that a time names, and the container only reads
  /// it. Everybody may make folders of such names elsewhere, so the folder of the volume must be one of this pod's.
  func isAtomicVolume(ofPod uid: String) -> Bool {
    guard !uid.isEmpty, options.contains("ro") || options.contains("rro") else { return false }
    let parts = Array(source.parts(between: "/", omittingEmpty: false).suffix(5))
    let kinds = ["secret", "configmap", "projected", "downward-api"].map { "kubernetes.io~\($0)" }
    return parts.count == 5 && parts[0] == "pods" && parts[1] == uid && parts[2] == "volumes"
      && kinds.contains { $0 == parts[3] } && !["", ".", ".."].contains(parts[4])
  }
}

extension Logger.Level {
  init(_ level: NodeConfiguration.LogLevel) { self = Logger.Level(rawValue: level.rawValue) ?? .info }
}
