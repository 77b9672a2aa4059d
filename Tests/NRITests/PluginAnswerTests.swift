import Testing

@testable import NRI
@testable import TTRPC

@Suite("the plugin's answers")
struct PluginAnswerTests {
  private static let pod = Field.bytes(1, [])
  /// A container "c".
  private static let container = Field.bytes(2, Field.text(1, "c"))

  private func plugin(policy: LinuxSeccomp, nriVersion: String = "v0.12.0") throws -> Plugin {
    let handler = ScriptedHandler()
    handler.policies["c"] = policy
    let plugin = try Plugin(handler)
    try plugin.start(nriVersion: nriVersion)
    return plugin
  }

  private func create(_ plugin: Plugin) throws -> Response? {
    try plugin.call("CreateContainer", Self.pod + Self.container)
  }

  @Test(
    "the events that the runtime does not take are left out",
    arguments: [("", 0x7ff), ("v0.9.0", 0x7ff), ("v0.10.0", 0x3fff)])
  func events(nriVersion: String, taken: UInt64) throws {
    let answer = try Plugin().call(Method.configure, Field.text(6, nriVersion))
    #expect(answer == .success(Field.number(2, taken)))
  }

  @Test("a mask of which nothing is left, which would mean every event, is refused and Configure may come again")
  func noEvents() throws {
    let plugin = try Plugin()
    plugin.handler.events = .validateContainerAdjustment
    let message = "no event is left to subscribe to (asked 0x2000, the runtime takes 0x7ff)"
    #expect(try plugin.call(Method.configure) == .failure(Status(code: 2, message: message)))
    plugin.handler.events = .createContainer
    #expect(try plugin.call(Method.configure) == .success(Field.number(2, 8)))
  }

  @Test("an empty policy, which would leave the container unconfined, is refused")
  func emptyPolicy() throws {
    let message = "the plugin set an empty seccomp policy: the runtime would start the container unconfined"
    #expect(try create(try plugin(policy: LinuxSeccomp())) == .failure(Status(code: 2, message: message)))
  }

  @Test("errno_ret is refused for a runtime that would crash on it", arguments: ["v0.10.0", "v0.11.0"])
  func errnoReturn(nriVersion: String) throws {
    let message = "the plugin set errno_ret for mkdir: this runtime would crash; errno_ret needs NRI 0.12"
    let plugin = try plugin(policy: .denyingMkdir(errno: 13), nriVersion: nriVersion)
    #expect(try create(plugin) == .failure(Status(code: 2, message: message)))
  }

  @Test("no policy is an empty answer")
  func noPolicy() throws {
    let plugin = try Plugin()
    try plugin.start()
    #expect(try create(plugin) == .success([]))
  }

  @Test("an answer of 4 MiB is sent, one past it is refused with its length")
  func longAnswer() throws {
    let limit = MessageHeader.maximumBodyLength
    var policy = LinuxSeccomp.denyingMkdir(errno: nil)
    policy.listenerMetadata = String(repeating: "x", count: limit - 1024)
    let rest = limit - Response.success(PluginAnswer.policy(policy).encoded()).encoded().count
    policy.listenerMetadata += String(repeating: "x", count: rest)
    #expect(try isSuccess(create(try plugin(policy: policy))))
    policy.listenerMetadata += "x"
    let message = "message of 4194305 bytes on stream 7 is over the limit of 4194304"
    #expect(try create(try plugin(policy: policy)) == .failure(Status(code: 8, message: message)))
  }

  private func isSuccess(_ response: Response?) -> Bool {
    if case .success = response { true } else { false }
  }

  @Test("a refusal's text is sent whole at 4096 bytes and cut past it, never inside a character")
  func longError() throws {
    let plugin = try Plugin()
    try plugin.start()
    let whole = String(repeating: "x", count: 4096)
    for (text, sent) in [
      (whole, whole), (whole + "x", whole), (String(whole.dropLast()) + "é", String(whole.dropLast())),
    ] {
      plugin.handler.refusals["createContainer c"] = text
      #expect(try create(plugin) == .failure(Status(code: 2, message: sent)))
    }
  }

  @Test(
    "Synchronize takes so many pods, so many containers and not one more, in one part or in many",
    arguments: [
      (UInt8(1), SynchronizeReader.maximumPods, "pods"), (UInt8(2), SynchronizeReader.maximumContainers, "containers"),
    ])
  func objects(field: UInt8, limit: Int, word: String) throws {
    let plugin = try Plugin()
    _ = try plugin.call(Method.configure)
    let one = Field.bytes(field, [])
    let half = [[UInt8]](repeating: one, count: limit / 2).flatMap { $0 }
    let more = Field.number(3, 1)
    let refused = Response.failure(
      Status(code: 3, message: "Synchronize has more than \(limit) \(word): remove pods from the node"))
    #expect(try plugin.call(Method.synchronize, half + half + one) == refused)
    #expect(try plugin.call(Method.synchronize, half + more) == .success(Field.number(2, 1)))
    #expect(try plugin.call(Method.synchronize, half + one + more) == refused)
    #expect(plugin.handler.unsynchronized.count == 2)
    // The refused parts are forgotten.
    #expect(try plugin.call(Method.synchronize, half + more) == .success(Field.number(2, 1)))
    #expect(try plugin.call(Method.synchronize, half) == .success([]))
    #expect(plugin.handler.synchronized.map { field == 1 ? $0.pods.count : $0.containers.count } == [limit])
  }

  @Test("a node with 10,000 pods and 10,000 containers is taken")
  func manyObjects() throws {
    let plugin = try Plugin()
    _ = try plugin.call(Method.configure)
    let objects = [[UInt8]](repeating: Field.bytes(1, []) + Field.bytes(2, []), count: 10_000).flatMap { $0 }
    #expect(try plugin.call(Method.synchronize, objects) == .success([]))
    #expect(plugin.handler.synchronized.map { $0.pods.count + $0.containers.count } == [20_000])
  }

  @Test("a refused Synchronize leaves the plugin waiting for another")
  func refusedSynchronize() throws {
    let plugin = try Plugin()
    _ = try plugin.call(Method.configure)
    plugin.handler.refusals["synchronize"] = "not now"
    #expect(try plugin.call(Method.synchronize, Self.pod) == .failure(Status(code: 2, message: "not now")))
    plugin.handler.refusals = [:]
    #expect(try plugin.call(Method.synchronize) == .success([]))
    #expect(plugin.handler.synchronized.map(\.pods.count) == [1, 0])
  }
}
