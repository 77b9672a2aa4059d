@testable import NRI

extension LinuxSeccomp {
  /// With all that a policy can have, but a listener.
  static func denyingMkdir(errno: UInt32?) -> LinuxSeccomp {
    var policy = LinuxSeccomp()
    policy.defaultAction = "SCMP_ACT_ALLOW"
    policy.defaultErrno = 1
    policy.architectures = ["SCMP_ARCH_X86_64"]
    policy.flags = ["SECCOMP_FILTER_FLAG_LOG"]
    var mkdir = LinuxSyscall()
    mkdir.names = ["mkdir"]
    mkdir.action = "SCMP_ACT_ERRNO"
    mkdir.errnoReturn = errno
    var argument = LinuxSeccompArgument()
    argument.index = 1
    argument.value = .max
    argument.valueTwo = 1 << 40
    argument.op = "SCMP_CMP_MASKED_EQ"
    mkdir.arguments = [argument]
    policy.syscalls = [mkdir]
    return policy
  }
}

extension PodSandbox {
  static func sample(_ id: String = "pod") -> PodSandbox {
    var pod = PodSandbox()
    pod.id = id
    pod.name = "web-0"
    pod.uid = "d6c2"
    pod.namespace = "shop"
    pod.labels = ["app": "web", "": "empty key"]
    pod.annotations = ["profile.stockade.dev": "web"]
    pod.runtimeHandler = "runc"
    pod.cgroupParent = "/kubepods/pod1"
    pod.pid = 41
    return pod
  }
}

extension Container {
  static func sample(_ id: String = "container") -> Container {
    var container = Container()
    container.id = id
    container.podSandboxID = "pod"
    container.name = "nginx"
    // Created.
    container.state = 1
    container.labels = ["tier": "front"]
    container.annotations = ["io.kubernetes.cri.image-name": "nginx:1"]
    container.arguments = ["nginx", "-g", "daemon off;", ""]
    container.environment = ["PATH=/bin", "LANG=ä"]
    container.namespaces = ["pid": "", "network": "/proc/41/ns/net"]
    container.cgroupsPath = "/kubepods/pod1/container"
    container.hasLinux = true
    container.seccompProfile = SecurityProfile(.localhost, localhostReference: "shop/web.json")
    container.seccompPolicy = .denyingMkdir(errno: 13)
    container.pid = 42
    return container
  }
}
