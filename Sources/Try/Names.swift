import NRI

/// What the plugin is told about a run's pod and container, in the words of containerd's CRI.
struct Names {
  var options: Options
  /// The id of the `try`.
  var id: String
  /// The number of the run, from 1.
  var number: Int
  /// The name of the profile with which the pod is annotated.
  var profile: String?

  private var podID: String { "\(id)-pod\(number)" }
  private var uid: String { "\(id)-uid\(number)" }
  /// The pod's cgroup, with the pod's uid, as the kubelet names it. So it is known to be this pod's alone, and has a
  /// gate. `CleanUp` looks for cgroups that begin with the id.
  private var podCgroup: String { "\(Host.cgroupRoot)/\(id)-kubepods/pod\(uid)" }

  var pod: PodSandbox {
    var pod = PodSandbox()
    pod.id = podID
    pod.name = "try"
    pod.uid = uid
    pod.namespace = "try"
    pod.runtimeHandler = "runc"
    pod.labels = ["io.kubernetes.pod.name": "try", "io.kubernetes.pod.namespace": "try"]
    if let profile { pod.annotations["profile.stockade.dev"] = profile }
    pod.annotations.merge(options.annotations) { _, given in given }
    if options.podCgroup { pod.cgroupParent = podCgroup }
    return pod
  }

  var container: Container {
    var container = Container()
    container.id = "\(id)-\(number)"
    container.podSandboxID = podID
    container.name = options.containerName
    container.labels = ["io.kubernetes.container.name": options.containerName]
    container.annotations = [
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.container-name": options.containerName,
      "io.kubernetes.cri.image-name": options.rootfs ?? "busybox",
      "io.kubernetes.cri.sandbox-id": podID,
      "io.kubernetes.cri.sandbox-name": "try",
      "io.kubernetes.cri.sandbox-namespace": "try",
    ]
    container.arguments = options.command
    container.hasLinux = true
    container.cgroupsPath = (options.podCgroup ? podCgroup : Host.cgroupRoot) + "/" + container.id
    return container
  }
}
