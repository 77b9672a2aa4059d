import Glibc
import System
import Testing

@testable import NRI
@testable import NRIRuntime
@testable import TTRPC

@Suite("the runtime's half and the plugin's half, over a socket pair")
struct SessionTests {
  /// Runs `body` with a runtime of that version to which the plugin is connected; its session must then end well.
  private func session(
    _ version: NRIVersion, _ handler: ScriptedHandler, ends reason: PluginSession.EndReason = .closed,
    _ body: (RuntimeConnection) throws -> Void
  ) throws {
    let (ours, theirs) = try boundedPair()
    let plugin = PluginThread(socket: ours, handler: handler)
    let result = Result {
      try body(
        RuntimeConnection(
          socket: theirs, version: version, configuration: "some: text", requestTimeoutMilliseconds: 10_000))
    }
    shutdownWriting(theirs)
    #expect(plugin.join() == .success(reason))
    try result.get()
  }

  @Test("a container's life goes through, whatever the version", arguments: NRIVersion.all)
  func life(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    let validates = version >= NRIVersion(0, 10)
    try session(version, handler, ends: .shutdown) { runtime in
      try runtime.accept()
      #expect(runtime.plugin == .init(name: "stockade", index: "10", nriVersion: "v0.12.0"))
      #expect(runtime.events == (validates ? .fromNRI010 : .upToNRI09))
      try runtime.liveThrough()
    }
    var log = ["runPodSandbox pod", "createContainer container"]
    if validates { log.append("validateContainerAdjustment container") }
    log += ["startContainer container", "stopContainer container", "removeContainer container"]
    #expect(handler.log == log + ["stopPodSandbox pod", "removePodSandbox pod", "shutdown"])
  }

  @Test("the handler gets what the runtime told", arguments: NRIVersion.all)
  func values(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    try session(version, handler) { runtime in
      try runtime.accept(pods: [.sample("a"), .sample("b")], containers: [.sample("c")])
      try runtime.runPodSandbox(.sample())
      _ = try runtime.createContainer(pod: .sample(), container: .sample())
      try runtime.startContainer(pod: .sample(), container: .sample())
      try runtime.stopContainer(pod: .sample(), container: .sample())
    }
    var told = Container.sample()
    if version < NRIVersion(0, 12) { told.seccompPolicy = nil }
    if version < NRIVersion(0, 10) { told.seccompProfile = nil }
    var stopped = told
    stopped.state = (version < NRIVersion(0, 12) ? ContainerState.running : .stopped).rawValue
    #expect(handler.containers == [told, told, stopped])
    #expect(handler.pods == [.sample(), .sample(), .sample(), .sample()])
    #expect(handler.synchronized.first?.pods == [.sample("a"), .sample("b")])
    #expect(handler.synchronized.first?.containers.map(\.id) == ["c"])
  }

  @Test(
    "Configure tells the text, and the timeouts and the NRI version from when they are told", arguments: NRIVersion.all)
  func configuration(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    try session(version, handler) { try $0.accept() }
    let configuration = try #require(handler.configuration)
    let hasTimeouts = version >= NRIVersion(0, 8)
    #expect(configuration.config == "some: text")
    #expect(configuration.runtimeName == "containerd")
    #expect(configuration.registrationTimeoutMilliseconds == (hasTimeouts ? 5000 : 0))
    #expect(configuration.requestTimeoutMilliseconds == (hasTimeouts ? 10_000 : 0))
    #expect(configuration.nriVersion == (version >= NRIVersion(0, 12) ? "v0.12.0" : ""))
    #expect(configuration.features == RuntimeFeatures(of: version))
  }

  @Test(
    "a policy is dropped before NRI 0.10 and taken from then on, but for its default errno", arguments: NRIVersion.all)
  func policy(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    handler.policies["container"] = .denyingMkdir(errno: nil)
    var taken = LinuxSeccomp.denyingMkdir(errno: nil)
    taken.defaultErrno = nil
    try session(version, handler) { runtime in
      try runtime.accept()
      let policy = try runtime.createContainer(pod: .sample(), container: .sample())
      #expect(policy == (version >= NRIVersion(0, 10) ? taken : nil))
      try runtime.validateContainerAdjustment(pod: .sample(), container: .sample(), policy: policy)
    }
    #expect(handler.validated == (version >= NRIVersion(0, 10) ? [taken] : []))
  }

  @Test("errno_ret is dropped, refused or taken, as the version is", arguments: NRIVersion.all)
  func errnoReturn(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    handler.policies["container"] = .denyingMkdir(errno: 13)
    try session(version, handler) { runtime in
      try runtime.accept()
      let create = { () throws in try runtime.createContainer(pod: .sample(), container: .sample()) }
      switch version.minor {
      case ..<10: #expect(try create() == nil)
      case 10, 11:
        let error = #expect(throws: NRIRuntimeError.self) { try create() }
        #expect(error?.description.hasSuffix("errno_ret needs NRI 0.12") == true)
      default: #expect(try create()?.syscalls.first?.errnoReturn == 13)
      }
    }
  }

  @Test("a Synchronize in parts reaches the handler whole; before NRI 0.8 it comes in one", arguments: NRIVersion.all)
  func splitSynchronize(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    let (pods, containers) = ((0..<5).map { PodSandbox.sample("\($0)") }, (0..<8).map { Container.sample("\($0)") })
    try session(version, handler) { try $0.accept(pods: pods, containers: containers, objectsPerPart: 3) }
    #expect(handler.synchronized.count == 1)
    #expect(handler.synchronized.first?.pods.map(\.id) == pods.map(\.id))
    #expect(handler.synchronized.first?.containers.map(\.id) == containers.map(\.id))
  }

  @Test("a refused Create or Start says why, and the session goes on", arguments: NRIVersion.all)
  func refusals(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    handler.refusals = ["createContainer bad": "profile web: not here", "startContainer bad": "not filtered"]
    try session(version, handler) { runtime in
      try runtime.accept()
      #expect(throws: refusal("CreateContainer", "profile web: not here")) {
        try runtime.createContainer(pod: .sample(), container: .sample("bad"))
      }
      let start = version >= NRIVersion(0, 12) ? "StartContainer" : "StateChange"
      #expect(throws: refusal(start, "not filtered")) {
        try runtime.startContainer(pod: .sample(), container: .sample("bad"))
      }
      try runtime.startContainer(pod: .sample(), container: .sample("good"))
    }
    #expect(handler.log.last == "startContainer good")
  }

  @Test("a plugin that subscribes to one event gets that one alone", arguments: NRIVersion.all)
  func mask(version: NRIVersion) throws {
    let handler = ScriptedHandler()
    handler.events = [.stopContainer, .validateContainerAdjustment]
    try session(version, handler, ends: .shutdown) { runtime in
      try runtime.accept()
      try runtime.liveThrough()
    }
    let validated = version >= NRIVersion(0, 10) ? ["validateContainerAdjustment container"] : []
    #expect(handler.log == validated + ["stopContainer container", "shutdown"])
  }

  @Test("a Configure that is refused says why")
  func refusedConfigure() throws {
    let handler = ScriptedHandler()
    handler.refusals["configure"] = "stockade.yaml:3: unknown key"
    try session(.newest, handler) { runtime in
      #expect(throws: refusal("Configure", "stockade.yaml:3: unknown key")) { try runtime.accept() }
    }
  }

  @Test("a policy of several frames arrives whole")
  func longPolicy() throws {
    let handler = ScriptedHandler()
    var policy = LinuxSeccomp.denyingMkdir(errno: 1)
    policy.syscalls = (0..<5000).map { number in
      var syscall = policy.syscalls[0]
      syscall.names = ["call\(number)"]
      return syscall
    }
    handler.policies["container"] = policy
    policy.defaultErrno = nil
    try session(.newest, handler) { runtime in
      try runtime.accept()
      #expect(try runtime.createContainer(pod: .sample(), container: .sample()) == policy)
    }
  }

  private func refusal(_ method: String, _ text: String) -> NRIRuntimeError {
    .refused(method: method, Status(code: Status.unknown, message: text))
  }
}

extension RuntimeConnection {
  /// Every call there is, in the order of a container's life.
  func liveThrough() throws {
    try runPodSandbox(.sample())
    let policy = try createContainer(pod: .sample(), container: .sample())
    try validateContainerAdjustment(pod: .sample(), container: .sample(), policy: policy)
    try postCreateContainer(pod: .sample(), container: .sample())
    try startContainer(pod: .sample(), container: .sample())
    try postStartContainer(pod: .sample(), container: .sample())
    try updateContainer(pod: .sample(), container: .sample())
    try postUpdateContainer(pod: .sample(), container: .sample())
    try stopContainer(pod: .sample(), container: .sample())
    try removeContainer(pod: .sample(), container: .sample())
    try stopPodSandbox(.sample())
    try removePodSandbox(.sample())
    try shutdown()
  }
}
