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

extension Container {
  var isRunning: Bool { [.paused, .running].contains(ContainerState(rawValue: state)) && pid > 0 }
}

extension PodContext {
  init(_ pod: PodSandbox) { self.init(namespace: pod.namespace, labels: pod.labels, annotations: pod.annotations) }
}

extension Enforcer.Sandbox {
  /// - Parameter withoutPID: what it means if the runtime names no process.
  init(_ pod: PodSandbox, withoutPID: Enforcer.SandboxProcess) {
    let subject = Subject(
      containerID: "", containerName: "", podName: pod.name, podNamespace: pod.namespace, podUID: pod.uid, image: "")
    self.init(
      id: pod.id, cgroupParent: pod.cgroupParent, process: pod.pid > 0 ? .pid(pod.pid) : withoutPID, subject: subject)
  }
}

extension Subject {
  init(_ pod: PodSandbox, _ container: Container) {
    self.init(
      containerID: container.id, containerName: container.name, podName: pod.name, podNamespace: pod.namespace,
      podUID: pod.uid, image: container.annotations[Plugin.imageAnnotation] ?? "")
  }
}

extension Enforcer.Start {
  init(_ pod: PodSandbox, _ container: Container) {
    self.init(
      subject: Subject(pod, container), sandboxID: pod.id, cgroupsPath: container.cgroupsPath, pid: container.pid)
  }
}

extension Logger.Level {
  init(_ level: NodeConfiguration.LogLevel) { self = Logger.Level(rawValue: level.rawValue) ?? .info }
}
