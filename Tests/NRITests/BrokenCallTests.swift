import Testing

@testable import NRI
@testable import TTRPC

/// A call that the plugin refuses, so that the runtime refuses what the call was about.
struct BrokenCall: Sendable, CustomTestStringConvertible {
  let name: String
  let call: Message
  let code: Int32
  let message: String

  var testDescription: String { name }

  init(_ name: String, _ call: Message, code: Int32 = Status.invalidArgument, _ message: String) {
    self.name = name
    self.call = call
    self.code = code
    self.message = message
  }

  init(_ name: String, _ method: String, _ payload: [UInt8], _ message: String) {
    self.init(name, .call(method, payload, stream: 9), message)
  }

  /// By a plugin that is running, whose last stream was 5.
  static let envelopes = [
    Self(
      "an unknown service", .call("Configure", stream: 9, service: "a.B"), code: 12, "service a.B is not implemented"),
    Self(
      "the runtime's own service", .call("RegisterPlugin", stream: 9, service: Method.runtimeService), code: 12,
      "service nri.pkg.api.v1alpha1.Runtime is not implemented"),
    Self("no service", .call("Configure", stream: 9, service: ""), code: 12, "service  is not implemented"),
    Self("an unknown method", .call("Reboot", stream: 9), code: 12, "method Reboot is not implemented"),
    Self("a method in lower case", .call("configure", stream: 9), code: 12, "method configure is not implemented"),
    Self("no method", .call("", stream: 9), code: 12, "method  is not implemented"),
    Self("an even stream id", .call("Shutdown", stream: 8), "stream id 8 is even or was used before"),
    Self("stream id 0", .call("Shutdown", stream: 0), "stream id 0 is even or was used before"),
    Self("the last stream id again", .call("Shutdown", stream: 5), "stream id 5 is even or was used before"),
    Self("an earlier stream id", .call("Shutdown", stream: 3), "stream id 3 is even or was used before"),
    Self(
      "a streaming call", Message(header: MessageHeader(stream: 9, kind: .request, flags: 2), body: []), code: 12,
      "streaming calls are not implemented"),
    Self(
      "a body that is no request", Message(header: MessageHeader(stream: 9, kind: .request), body: [0x0a]),
      "malformed message: Request.service: the bytes end inside the field"),
  ]

  // EventRequest: pod (1), container (2). StateChangeEvent: event (1), pod (2), container (3).
  private static let pod = Field.bytes(1, [])
  private static let container = Field.bytes(2, [])

  static let missing = [
    Self("no pod to run", "RunPodSandbox", [], "RunPodSandbox has no pod"),
    Self("no pod to stop", "StopPodSandbox", container, "StopPodSandbox has no pod"),
    Self("no pod to remove", "RemovePodSandbox", [], "RemovePodSandbox has no pod"),
    Self("a Create without pod", "CreateContainer", container, "CreateContainer has no pod"),
    Self("a Create without container", "CreateContainer", pod, "CreateContainer has no container"),
    Self("a Start without container", "StartContainer", pod, "StartContainer has no container"),
    Self("a Stop without pod", "StopContainer", container, "StopContainer has no pod"),
    Self("a Remove without container", "RemoveContainer", pod, "RemoveContainer has no container"),
    Self(
      "a validation without pod", "ValidateContainerAdjustment", container, "ValidateContainerAdjustment has no pod"),
    Self(
      "a validation without container", "ValidateContainerAdjustment", pod,
      "ValidateContainerAdjustment has no container"),
    Self("a StateChange without pod", "StateChange", Field.number(1, 1), "StateChange has no pod"),
    Self(
      "a Start as StateChange without container", "StateChange", Field.number(1, 6) + Field.bytes(2, []),
      "StateChange has no container"),
    Self("Configure again", "Configure", [], "the plugin is configured already"),
  ]

  static let stateChanges = [0, 4, 8, 14, 15, UInt64.max].map { event in
    Self(
      "a StateChange with event \(Int64(bitPattern: event))", "StateChange",
      Field.number(1, event) + Field.bytes(2, []),
      "StateChange cannot carry event \(Int64(bitPattern: event))")
  }

  private static func malformed(
    _ name: String, _ method: String, _ payload: [UInt8], _ message: String
  ) -> Self { Self(name, method, payload, "\(method): malformed message: \(message)") }

  private static let nul: [UInt8] = [0x61, 0x00]

  static let messages = [
    malformed(
      "a NUL in a pod's id", "RunPodSandbox", Field.nested([1, 1], nul), "EventRequest.pod.id: a NUL in a string"),
    malformed(
      "a namespace that is not UTF-8", "RunPodSandbox", Field.nested([1, 4], [0xff]),
      "EventRequest.pod.namespace: a string is not UTF-8"),
    malformed(
      "a NUL in an annotation's key", "CreateContainer", Field.nested([1, 6, 1], nul),
      "EventRequest.pod.annotations.key: a NUL in a string"),
    malformed(
      "a NUL in a label's value", "CreateContainer", Field.nested([2, 5, 2], nul),
      "EventRequest.container.labels.value: a NUL in a string"),
    malformed(
      "a NUL in a cgroup parent", "RunPodSandbox", Field.nested([1, 8, 3], nul),
      "EventRequest.pod.linux.cgroup_parent: a NUL in a string"),
    malformed(
      "a NUL in a cgroup path", "StartContainer", Field.nested([2, 11, 5], nul),
      "EventRequest.container.linux.cgroups_path: a NUL in a string"),
    malformed(
      "a NUL in an argument", "CreateContainer", Field.nested([2, 7], nul),
      "EventRequest.container.args: a NUL in a string"),
    malformed(
      "half a character in the environment", "CreateContainer", Field.nested([2, 8], [0xe2, 0x82]),
      "EventRequest.container.env: a string is not UTF-8"),
    malformed(
      "a pid that is a string", "StartContainer", Field.nested([2], Field.text(12, "1")),
      "EventRequest.container.pid: wire type 2, expected 0"),
    malformed(
      "two pids", "StartContainer", Field.nested([2], Field.number(12, 1) + Field.number(12, 2)),
      "EventRequest.container.pid: the field is there twice"),
    malformed(
      "two pods", "CreateContainer", pod + pod + container, "EventRequest.pod: the field is there twice"),
    malformed(
      "two cgroup paths", "StartContainer", Field.nested([2, 11], Field.text(5, "/a") + Field.text(5, "/b")),
      "EventRequest.container.linux.cgroups_path: the field is there twice"),
    malformed(
      "a NUL in an operator", "CreateContainer", Field.nested([2, 11, 8, 7, 4, 4], nul),
      "EventRequest.container.linux.seccomp_policy.syscalls.args.op: a NUL in a string"),
    malformed(
      "a NUL in a profile's file", "CreateContainer", Field.nested([2, 11, 7, 2], nul),
      "EventRequest.container.linux.seccomp_profile.localhost_ref: a NUL in a string"),
    malformed(
      "a profile's type that is a string", "CreateContainer", Field.nested([2, 11, 7], Field.text(1, "2")),
      "EventRequest.container.linux.seccomp_profile.profile_type: wire type 2, expected 0"),
    malformed(
      "a policy past its message", "CreateContainer", Field.nested([2, 11], [0x42, 0x05]),
      "EventRequest.container.linux.seccomp_policy: the bytes end inside the field"),
    malformed(
      "a second pod that is broken", "Synchronize", Field.bytes(1, []) + Field.nested([1, 3], [0xff]),
      "SynchronizeRequest.pods.uid: a string is not UTF-8"),
    malformed(
      "a more that is a string", "Synchronize", Field.text(3, "1"),
      "SynchronizeRequest.more: wire type 2, expected 0"),
    malformed(
      "a StateChange with half a pod", "StateChange", Field.number(1, 1) + [0x12, 0x02, 0x0a],
      "StateChangeEvent.pod: the bytes end inside the field"),
    malformed(
      "a NUL in an adjustment's listener path", "ValidateContainerAdjustment", Field.nested([3, 6, 6, 5], nul),
      "ValidateContainerAdjustmentRequest.adjust.linux.seccomp_policy.listener_path: a NUL in a string"),
    malformed(
      "a NUL in the configuration", "Configure", Field.bytes(1, nul), "ConfigureRequest.config: a NUL in a string"),
    malformed(
      "a timeout that is 8 bytes", "Configure", [0x29, 1, 2, 3, 4, 5, 6, 7, 8],
      "ConfigureRequest.request_timeout: wire type 1, expected 0"),
  ]

  /// By a plugin that does not know its configuration yet.
  static let tooEarly =
    ["RunPodSandbox", "CreateContainer", "StartContainer", "StopContainer", "ValidateContainerAdjustment"]
    .map { Self("\($0) before Configure", $0, pod + container, "\($0) came before Configure") } + [
      Self(
        "a StateChange before Configure", "StateChange", Field.number(1, 1) + Field.bytes(2, []),
        "StateChange came before Configure")
    ]
}

@Suite("broken calls")
struct BrokenCallTests {
  @Test(
    "a broken call is refused, with the reason, and the next one is served",
    arguments: BrokenCall.envelopes + BrokenCall.missing + BrokenCall.stateChanges + BrokenCall.messages)
  func isRefused(_ broken: BrokenCall) throws {
    let plugin = try Plugin()
    try plugin.start()
    let log = plugin.handler.log
    #expect(try plugin.receive(broken.call) == .failure(Status(code: broken.code, message: broken.message)))
    #expect(plugin.handler.log == log)
    #expect(try plugin.receive(.call("Shutdown", stream: 11)) == .success([]))
  }

  @Test("a NUL in a string of Synchronize is substituted, so that one pod does not keep the plugin from the node")
  func nulInSynchronize() throws {
    let plugin = try Plugin()
    try plugin.start()
    // Pod: id (1), annotations (6) of key (1) and value (2). Container: linux (11), namespaces (1), path (2).
    let annotation = Field.text(1, "profile.stockade.dev") + Field.bytes(2, Array("web\0".utf8))
    let payload =
      Field.bytes(1, Field.text(1, "bad") + Field.bytes(6, annotation) + Field.bytes(6, Field.bytes(1, [0, 0x61, 0])))
      + Field.bytes(1, Field.text(1, "good")) + Field.nested([2, 11, 1, 2], Self.nulBytes)
    #expect(try plugin.receive(.call("Synchronize", payload, stream: 9)) == .success([]))
    let last = try #require(plugin.handler.synchronized.last)
    #expect(last.pods.map(\.id) == ["bad", "good"])
    #expect(last.pods[0].annotations == ["profile.stockade.dev": "web\u{1a}", "\u{1a}a\u{1a}": ""])
    #expect(last.containers[0].namespaces == ["": "a\u{1a}"])
  }

  private static let nulBytes: [UInt8] = [0x61, 0x00]

  @Test("an event that comes before Configure is refused", arguments: BrokenCall.tooEarly)
  func tooEarly(_ broken: BrokenCall) throws {
    let expected = Response.failure(Status(code: broken.code, message: broken.message))
    let plugin = try Plugin()
    #expect(try plugin.receive(broken.call) == expected)
    #expect(plugin.handler.log.isEmpty)
  }

  @Test("an event is served without Synchronize, which NRI 0.6 does not send to a plugin that it launched")
  func unsynchronized() throws {
    let plugin = try Plugin()
    #expect(try plugin.receive(.call(Method.configure, stream: 1)) == .success(Field.number(2, 0x7ff)))
    let event = Field.number(1, 1) + Field.bytes(2, [])
    #expect(try plugin.receive(.call("StateChange", event, stream: 3)) == .success([]))
    #expect(!plugin.handler.log.isEmpty)
  }

  @Test("Synchronize before Configure is refused")
  func synchronizeFirst() throws {
    let message = "Synchronize came before Configure"
    #expect(try Plugin().call("Synchronize") == .failure(Status(code: 3, message: message)))
  }

  @Test(
    "an event that we have no use for is answered unread, at any time",
    arguments: ["PostStartContainer", "UpdateContainer"])
  func unused(method: String) throws {
    #expect(try Plugin().call(method, [0xff]) == .success([]))
  }
}
