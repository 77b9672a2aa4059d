import NRIRuntime
import System
import Testing

@testable import NRI
@testable import TTRPC

@Suite("the runtime's half with plugins of all kinds")
struct RuntimeTests {
  /// Runs `body` with a runtime to which a plugin is connected that sends what `reply` says.
  @discardableResult
  private func runtime(
    _ version: NRIVersion = .newest, first: [Message]? = nil, timeoutMilliseconds: Int64 = 10_000,
    reply: @escaping @Sendable (String, _ payload: [UInt8]) -> RawPlugin.Reply = RuntimeTests.obedient,
    _ body: (RuntimeConnection) throws -> Void
  ) throws -> RawPlugin {
    let (ours, theirs) = try boundedPair()
    let plugin = RawPlugin(socket: ours, first: first, reply: reply)
    let connection = RuntimeConnection(
      socket: theirs, version: version, requestTimeoutMilliseconds: timeoutMilliseconds)
    let result = Result { try body(connection) }
    closeBothWays(theirs)
    plugin.join()
    try result.get()
    return plugin
  }

  /// Answers a part of a split Synchronize as it must be, and everything else with nothing.
  private static let obedient: @Sendable (String, [UInt8]) -> RawPlugin.Reply = { method, payload in
    guard method == Method.synchronize,
      case .synchronize(_, _, true)? = try? PluginCall(method: method, payload: payload)
    else { return .answer(.success([])) }
    return .answer(.success(PluginAnswer.synchronized(more: true).encoded()))
  }

  @Test(
    "before NRI 0.12 most events come as StateChange, from then on by calls of their own", arguments: NRIVersion.all)
  func methods(version: NRIVersion) throws {
    let plugin = try runtime(version) { runtime in
      try runtime.accept()
      try runtime.liveThrough()
    }
    let hasCalls = version >= NRIVersion(0, 12)
    let validates = version >= NRIVersion(0, 10)
    let event = { hasCalls ? $0 : "StateChange" }
    let create = ["CreateContainer"] + (validates ? ["ValidateContainerAdjustment"] : [])
    let start = ["PostCreateContainer", "StartContainer", "PostStartContainer"].map(event)
    let update = ["UpdateContainer", event("PostUpdateContainer")]
    let end = ["StopContainer"] + ["RemoveContainer", "StopPodSandbox", "RemovePodSandbox"].map(event)
    #expect(
      plugin.calls.map(\.method) == ["Configure", "Synchronize", event("RunPodSandbox")] + create + start + update + end
        + ["Shutdown"])
    let told = plugin.calls.filter { $0.method == "StateChange" }.compactMap { $0.payload.dropFirst().first }
    #expect(told == (hasCalls ? [] : [1, 5, 6, 7, 9, 11, 2, 3]))
    #expect(plugin.calls.allSatisfy { $0.timeoutNanoseconds == 10_000_000_000 })
  }

  @Test(
    "a Synchronize is cut into parts of which all but the last say more",
    arguments: [(NRIVersion(0, 7), [7]), (NRIVersion(0, 8), [3, 3, 1])])
  func parts(version: NRIVersion, sizes: [Int]) throws {
    let plugin = try runtime(version) { runtime in
      try runtime.accept(containers: (0..<7).map { .sample("\($0)") }, objectsPerPart: 3)
    }
    let parts = try plugin.calls.filter { $0.method == Method.synchronize }.map { call in
      try PluginCall(method: call.method, payload: call.payload)
    }
    let read = parts.map { part -> (count: Int, more: Bool) in
      if case .synchronize(_, let containers, let more)? = part { (containers.count, more) } else { (-1, false) }
    }
    #expect(read.map(\.count) == sizes)
    #expect(read.map(\.more) == sizes.indices.map { $0 < sizes.count - 1 })
  }

  @Test("a plugin that does not know parts is told so")
  func splitNotHandled() throws {
    try runtime(reply: { _, _ in .answer(.success([])) }) { runtime in
      #expect(throws: NRIRuntimeError.splitNotHandled) {
        try runtime.accept(pods: [.sample("a"), .sample("b")], objectsPerPart: 1)
      }
    }
  }

  @Test(
    "events past the version's are refused",
    arguments: [(NRIVersion(0, 9), 0x800), (NRIVersion(0, 12), 0x4000)] as [(NRIVersion, Int32)])
  func eventsNotTaken(version: NRIVersion, bit: Int32) throws {
    let events = EventMask(rawValue: bit)
    try runtime(version, reply: { _, _ in .answer(.success(PluginAnswer.events(events).encoded())) }) { runtime in
      #expect(throws: NRIRuntimeError.eventsNotTaken(events, version: version)) { try runtime.accept() }
    }
  }

  @Test("a plugin without a call of its own for an event gets StateChange for good")
  func fallBack() throws {
    let reply: @Sendable (String, [UInt8]) -> RawPlugin.Reply = { method, _ in
      let isKnown = [Method.configure, Method.synchronize, Method.stateChange].contains(method)
      return .answer(isKnown ? .success([]) : .failure(Status(code: Status.unimplemented, message: "")))
    }
    let plugin = try runtime(reply: reply) { runtime in
      try runtime.accept()
      try runtime.runPodSandbox(.sample())
      try runtime.stopPodSandbox(.sample())
    }
    #expect(plugin.calls.dropFirst(2).map(\.method) == ["RunPodSandbox", "StateChange", "StateChange"])
  }

  @Test("a plugin that does harm is refused where a real runtime would crash or go on unconfined")
  func harmfulPolicies() throws {
    for (policy, version, error) in [
      (LinuxSeccomp(), NRIVersion.newest, NRIError.emptyPolicy),
      (LinuxSeccomp(), NRIVersion(0, 10), .emptyPolicy),
      (.denyingMkdir(errno: 0), NRIVersion(0, 11), .errnoReturnNotTaken(syscall: "mkdir")),
    ] {
      let reply: @Sendable (String, [UInt8]) -> RawPlugin.Reply = { method, _ in
        .answer(.success(method == "CreateContainer" ? PluginAnswer.policy(policy).encoded() : []))
      }
      try runtime(version, reply: reply) { runtime in
        try runtime.accept()
        #expect(throws: NRIRuntimeError.session(error)) {
          try runtime.createContainer(pod: .sample(), container: .sample())
        }
      }
    }
  }

  @Test("a validator that rejects is heard")
  func rejected() throws {
    // ValidateContainerAdjustmentResponse: reject (1) = true, reason (2) = "no"
    let reply: @Sendable (String, [UInt8]) -> RawPlugin.Reply = { method, _ in
      .answer(.success(method.hasPrefix("Validate") ? Field.number(1, 1) + Field.text(2, "no") : []))
    }
    try runtime(reply: reply) { runtime in
      try runtime.accept()
      #expect(throws: NRIRuntimeError.rejected(reason: "no")) {
        try runtime.validateContainerAdjustment(pod: .sample(), container: .sample(), policy: nil)
      }
    }
  }

  @Test("an answer past the time is none, even where bytes keep coming", arguments: [false, true])
  func timeout(floods: Bool) throws {
    try runtime(timeoutMilliseconds: 50, reply: { _, _ in floods ? .flood : .silence }) { runtime in
      #expect(throws: NRIRuntimeError.timedOut(method: "Configure", milliseconds: 50)) { try runtime.accept() }
    }
  }

  @Test("a plugin that dies in a call, and one that is dead before it, are told apart from a slow one")
  func pluginEnds() throws {
    try runtime(reply: { method, _ in method == "RunPodSandbox" ? .close : .answer(.success([])) }) { runtime in
      try runtime.accept()
      for _ in 1...2 {
        #expect(throws: NRIRuntimeError.pluginEnded(method: "RunPodSandbox")) { try runtime.runPodSandbox(.sample()) }
      }
    }
  }

  private func unexpected(connection: UInt32, stream: UInt32) -> NRIRuntimeError {
    .session(.unexpectedMessage(connection: connection, kind: .response, stream: stream))
  }

  @Test("an answer to another call ends it")
  func wrongStream() throws {
    try runtime(reply: { _, _ in .wrongStream }) { runtime in
      #expect(throws: unexpected(connection: 1, stream: 3)) { try runtime.accept() }
    }
  }

  @Test("a registration that breaks the rules is refused and thrown", arguments: [("a b", "10"), ("raw", "1")])
  func badRegistration(name: String, index: String) throws {
    let error = index == "1" ? NRIError.invalidPluginIndex(index) : .invalidPluginName(name)
    let plugin = try runtime(first: [.registration(name: name, index: index)]) { runtime in
      #expect(throws: NRIRuntimeError.session(error)) { try runtime.accept() }
    }
    #expect(plugin.answers == [.failure(Status(code: Status.unknown, message: "\(error)"))])
  }

  @Test("a plugin that begins with anything but a call of the runtime ends it")
  func noRegistration() throws {
    let answer = Message(header: MessageHeader(stream: 1, kind: .response), body: [])
    try runtime(first: [answer]) { runtime in
      #expect(throws: unexpected(connection: 2, stream: 1)) { try runtime.accept() }
    }
  }

  @Test("a call that we do not serve is answered with unimplemented")
  func updateContainers() throws {
    let reply: @Sendable (String, [UInt8]) -> RawPlugin.Reply = { method, _ in
      method == Method.configure ? .callFirst("UpdateContainers") : .answer(.success([]))
    }
    let plugin = try runtime(reply: reply) { try $0.accept() }
    let status = Status(code: Status.unimplemented, message: "method UpdateContainers is not implemented")
    #expect(plugin.answers == [.success([]), .failure(status)])
  }
}
