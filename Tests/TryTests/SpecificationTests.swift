import NRI
import System
import Testing

@testable import Try

extension JSON {
  /// A member of an object, or an element of an array by its number; null where there is none.
  fileprivate subscript(_ path: String) -> JSON {
    path.split(separator: ".").reduce(self) { value, key in
      switch value {
      case .object(let members): members.first { $0.0 == key }?.1 ?? .null
      case .array(let elements): Int(key).flatMap { elements.indices.contains($0) ? elements[$0] : nil } ?? .null
      default: .null
      }
    }
  }

  fileprivate var elements: [JSON] {
    if case .array(let elements) = self { return elements }
    return []
  }
}

private let allCapabilities = Capabilities.names(in: ~0)

private func json(
  seccomp: LinuxSeccomp? = nil, onlyV2: Bool = false, capabilities: [String] = allCapabilities,
  _ change: (inout Options) -> Void = { _ in }
) -> JSON {
  var options = Options()
  options.command = ["ls", "-l"]
  change(&options)
  return RuntimeSpecification(
    options: options, rootfs: "/bundle/rootfs", cgroupsPath: "/stockade-try/1", seccomp: seccomp,
    hasOnlyCgroupV2: onlyV2, availableCapabilities: capabilities
  ).json
}

@Suite("config.json")
struct SpecificationTests {
  @Test("a plain container gets what a Kubernetes container gets")
  func plain() {
    let json = json()
    #expect(json["ociVersion"] == "1.0.2")
    #expect(json["process.args"] == ["ls", "-l"])
    #expect(json["process.terminal"] == false)
    #expect(json["process.cwd"] == "/")
    #expect(json["process.noNewPrivileges"] == false)
    #expect(json["process.user"] == ["uid": 0, "gid": 0])
    #expect(json["root"] == ["path": "/bundle/rootfs", "readonly": false])
    #expect(json["linux.cgroupsPath"] == "/stockade-try/1")
    #expect(json["linux.resources.devices"] == [["allow": false, "access": "rwm"]])
    #expect(json["linux.maskedPaths"].elements.contains("/proc/kcore"))
    #expect(json["linux.readonlyPaths"].elements.contains("/proc/sys"))
    #expect(json["process.capabilities.bounding"].elements.count == 14)
    #expect(json["process.capabilities.effective"] == json["process.capabilities.permitted"])
    #expect(!json["process.capabilities.bounding"].elements.contains("CAP_SYS_ADMIN"))
  }

  @Test("without a policy there is no seccomp at all, as for a pod that asks for none")
  func noSeccomp() { #expect(json()["linux.seccomp"] == .null) }

  @Test("the adjustment's policy becomes linux.seccomp whole, but for the default errno that runtimes drop")
  func seccomp() {
    var policy = LinuxSeccomp()
    policy.defaultAction = "SCMP_ACT_ERRNO"
    policy.defaultErrno = 38
    policy.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    policy.flags = ["SECCOMP_FILTER_FLAG_LOG"]
    policy.listenerPath = "/run/l.sock"
    policy.listenerMetadata = "m"
    var rule = LinuxSyscall()
    rule.names = ["clone", "mkdir"]
    rule.action = "SCMP_ACT_ERRNO"
    rule.errnoReturn = 0
    var argument = LinuxSeccompArgument()
    argument.index = 1
    argument.value = .max
    argument.valueTwo = 2
    argument.op = "SCMP_CMP_MASKED_EQ"
    rule.arguments = [argument]
    policy.syscalls = [rule, rule]
    policy.syscalls[1].errnoReturn = nil
    policy.syscalls[1].arguments = []
    #expect(
      json(seccomp: policy)["linux.seccomp"].text
        == #"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"#
        + #""flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/run/l.sock","listenerMetadata":"m","#
        + #""syscalls":[{"names":["clone","mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":0,"args":[{"index":1,"#
        + #""value":18446744073709551615,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}]},"#
        + #"{"names":["clone","mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#)
  }

  @Test("--privileged has every capability there is, every device, nothing masked, /sys writable")
  func privileged() {
    let json = json(capabilities: ["CAP_KILL", "CAP_BPF"]) { $0.privileged = true }
    #expect(json["process.capabilities.bounding"] == ["CAP_KILL", "CAP_BPF"])
    #expect(json["linux.resources.devices"] == [["allow": true, "access": "rwm"]])
    #expect(json["linux.maskedPaths"] == .null)
    #expect(json["linux.readonlyPaths"] == .null)
    let sysfs = json["mounts"].elements.first { $0["destination"] == "/sys" }
    #expect(sysfs?["options"].elements.last == "rw")
  }

  @Test("capabilities that this process does not have are not asked for")
  func capabilities() {
    #expect(json(capabilities: ["CAP_CHOWN", "CAP_BPF"])["process.capabilities.bounding"] == ["CAP_CHOWN"])
  }

  @Test(
    "the namespaces follow the options and the host",
    arguments: [
      (false, false, false, ["pid", "ipc", "uts", "mount", "network"]),
      (true, false, false, ["ipc", "uts", "mount", "network"]),
      (false, true, false, ["pid", "ipc", "uts", "mount"]),
      (false, false, true, ["pid", "ipc", "uts", "mount", "network", "cgroup"]),
    ])
  func namespaces(hostPID: Bool, hostNetwork: Bool, onlyV2: Bool, types: [String]) {
    let json = json(onlyV2: onlyV2) { ($0.hostPID, $0.hostNetwork) = (hostPID, hostNetwork) }
    #expect(json["linux.namespaces"] == .array(types.map { ["type": .string($0)] }))
  }

  @Test("hooks are those of the options, by stage and in their order")
  func hooks() {
    let with = json { options in
      options.hooks = [
        Hook(stage: .startContainer, command: ["/a", "b"]), Hook(stage: .createContainer, command: ["/c"]),
        Hook(stage: .startContainer, command: ["/d"]),
      ]
    }
    #expect(
      with["hooks"].text
        == #"{"createContainer":[{"path":"/c","args":["/c"]}],"startContainer":"#
        + #"[{"path":"/a","args":["/a","b"]},{"path":"/d","args":["/d"]}]}"#)
    #expect(json()["hooks"] == .null)
  }

  @Test("--user-namespace maps the container's users to unprivileged ones, and nothing else does")
  func userNamespace() {
    let with = json { $0.userNamespace = true }
    #expect(with["linux.namespaces"].elements.last == ["type": "user"])
    #expect(with["linux.uidMappings"] == [["containerID": 0, "hostID": 1_000_000, "size": 65536]])
    #expect(with["linux.gidMappings"] == with["linux.uidMappings"])
    #expect(json()["linux.uidMappings"] == .null)
  }

  @Test("mounts, environment, user and working directory are the options'")
  func choices() {
    let json = json { options in
      options.mounts = [BindMount(source: "/a", destination: "/b", readOnly: true)]
      options.environment = ["A=1"]
      (options.userID, options.groupID) = (7, 8)
      options.workingDirectory = "/tmp"
      options.noNewPrivileges = true
    }
    #expect(
      json["mounts"].elements.last == [
        "destination": "/b", "type": "bind", "source": "/a", "options": ["rbind", "rprivate", "ro"],
      ])
    #expect(json["process.env"].elements.last == "A=1")
    #expect(json["process.user"] == ["uid": 7, "gid": 8])
    #expect(json["process.cwd"] == "/tmp")
    #expect(json["process.noNewPrivileges"] == true)
  }

  @Test("the bounding set is read from /proc/PID/status")
  func boundingSet() {
    #expect(
      Capabilities.available(inStatus: "Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t0000010000000021\n")
        == ["CAP_CHOWN", "CAP_KILL", "CAP_CHECKPOINT_RESTORE"])
    #expect(Capabilities.available(inStatus: "Name:\tx\n") == [])
  }
}
