import Daemon
import EnforcementTesting
import Glibc
import NRI
import Policy
import System
import Testing

@Suite struct PluginTests {
  @Test("a pod that nothing chooses a profile for is left alone")
  func unconfined() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    #expect(try plugin.createContainer(pod: pod(), container: container()) == nil)
    try plugin.startContainer(pod: pod(), container: container())
  }

  @Test("the seccomp policy reaches a runtime that honours it, and is never empty")
  func policy() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let policy = try #require(try plugin.createContainer(pod: pod([all: "filtered"]), container: container()))
    #expect(policy.defaultAction == "SCMP_ACT_ERRNO")
    #expect(policy.syscalls.contains { $0.names.contains("read") && $0.action == "SCMP_ACT_ALLOW" })
  }

  @Test("a runtime that ignores seccomp policies refuses the container, or runs it where the profile says so")
  func ignored() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.1.9"))
    let error = #expect(throws: Refusal.self) {
      try plugin.createContainer(pod: pod([all: "filtered"]), container: container())
    }
    #expect(error?.description.hasPrefix("profile \"filtered\":") == true)
    #expect(error?.description.contains("containerd 2.1.9") == true)
    #expect(try plugin.createContainer(pod: pod([all: "filtered-if-possible"]), container: container()) == nil)
  }

  @Test("rules that the node cannot enforce refuse the container with the reason")
  func gaps() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let error = #expect(throws: Refusal.self) {
      try plugin.createContainer(pod: pod([all: "exec"]), container: container())
    }
    #expect(error?.description.contains("process.rules[0] Block /bin/id") == true)
  }

  @Test("a profile that does not exist is refused with its name and where it was looked for")
  func missing() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let error = #expect(throws: PolicyError.self) {
      try plugin.createContainer(pod: pod([all: "nowhere"]), container: container())
    }
    #expect(error.map { "\($0)".contains("nowhere") && "\($0)".contains("/tmp/stockade-profiles-") } == true)
  }

  @Test("a container whose image is not known, since its name is too long, gets no profile by default: it is refused")
  func unknownImage() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    var container = container()
    container.annotations = [plugin.needs.substitute: ""]
    let error = #expect(throws: Refusal.self) { try plugin.createContainer(pod: pod(), container: container) }
    #expect(error?.description.contains("is over 16384 bytes") == true)
  }

  @Test("a broken configuration refuses every container, annotated or not, and does not drop the plugin")
  func brokenConfiguration() throws {
    let plugin = try plugin()
    #expect(try !plugin.configure(runtime("2.3.4", nri: "0.12.0", config: "bindigns: []")).isEmpty)
    let error = #expect(throws: Refusal.self) {
      try plugin.createContainer(pod: pod(), container: container())
    }
    #expect(error?.description.contains("bindigns") == true)
  }

  @Test("a policy that another plugin changed afterwards is refused")
  func changed() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let pod = pod([all: "filtered"])
    var policy = try #require(try plugin.createContainer(pod: pod, container: container()))
    try plugin.validateContainerAdjustment(pod: pod, container: container(), policy: policy)
    policy.syscalls.removeLast()
    #expect(throws: Refusal.self) {
      try plugin.validateContainerAdjustment(pod: pod, container: container(), policy: policy)
    }
    #expect(throws: Refusal.self) {
      try plugin.validateContainerAdjustment(pod: pod, container: container(), policy: nil)
    }
  }

  @Test("a policy of a container whose Create we did not see is refused unless it is the profile's")
  func unseen() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let pod = pod([all: "filtered"])
    for policy in [nil, LinuxSeccomp()] {
      #expect(throws: Refusal.self) {
        try plugin.validateContainerAdjustment(pod: pod, container: container(), policy: policy)
      }
    }
    let policy = try plugin.createContainer(pod: pod, container: container())
    try plugin.removeContainer(pod: pod, container: container())
    try plugin.validateContainerAdjustment(pod: pod, container: container(), policy: policy)
    try plugin.validateContainerAdjustment(pod: DaemonTests.pod(), container: container(), policy: nil)
  }

  @Test(
    "a start without the filter that was sent is refused",
    .enabled(if: !EnforcerWorld.isFiltered, "the tests themselves run under a seccomp filter"))
  func unfiltered() throws {
    let plugin = try plugin()
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let pod = pod([all: "filtered"])
    var container = container()
    _ = try plugin.createContainer(pod: pod, container: container)
    container.pid = UInt32(getpid())
    let error = #expect(throws: Refusal.self) { try plugin.startContainer(pod: pod, container: container) }
    #expect(error?.description.contains("has no seccomp filter although the profile sets one") == true)
  }

  @Test(
    "only events that are used are asked for, and the validator where the runtime has one",
    arguments: [("2.1.9", "", false), ("2.2.0-rc.1", "", false), ("2.2.0", "", true), ("2.3.4", "0.12.0", true)])
  func events(version: String, nri: String, validates: Bool) throws {
    let events = try plugin().configure(runtime(version, nri: nri))
    #expect(events.contains(.validateContainerAdjustment) == validates)
    #expect(
      events.isSuperset(of: [.runPodSandbox, .createContainer, .startContainer, .stopContainer, .removeContainer]))
    #expect(events.rawValue & 1 << 4 == 0, "PostCreateContainer is not used")
  }
}
