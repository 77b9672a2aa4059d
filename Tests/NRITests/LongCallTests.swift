import Testing

@testable import NRI
@testable import TTRPC

/// Calls that are longer than ttrpc lets messages be. containerd 1.7 sends Synchronize so.
@Suite("long calls")
struct LongCallTests {
  private static let ours = "profile.stockade.dev"
  private static let needs = ObjectNeeds(
    annotations: [ours], containerAnnotations: ["image"], labels: ["app"], substitute: "\(ours)/annotations-too-long")

  /// An annotation or label.
  private static func pair(_ field: UInt8, _ key: String, _ value: String) -> [UInt8] {
    Field.bytes(field, Field.text(1, key) + Field.text(2, value))
  }

  /// A pod with annotations of so many bytes that nobody asks for.
  private static func pod(_ id: String, filler: Int, _ more: [UInt8] = []) -> [UInt8] {
    let names = Field.text(1, id) + Field.text(2, "name-\(id)") + Field.text(4, "shop")
    return Field.bytes(
      1, names + more + pair(6, "other", String(repeating: "x", count: filler)) + pair(6, ours, "web"))
  }

  /// In the frames that containerd 1.7 sends: 4096 bytes, and all the rest.
  private static func frames(_ method: String, _ payload: [UInt8], stream: UInt32) -> [UInt8] {
    let body = Request(service: Method.pluginService, method: method, payload: payload).encoded()
    var message: [UInt8] = []
    message.append(bigEndian: UInt32(body.count))
    message.append(bigEndian: stream)
    return Frame.frames(connection: Connection.plugin, message: message + [1, 0] + body)
  }

  private static func started() throws -> Plugin {
    let plugin = try Plugin()
    try plugin.start()
    plugin.handler.needs = needs
    return plugin
  }

  @Test("a node with 18 pods of 240 kB of annotations is read in one message, without what nobody asks for")
  func manyAnnotations() throws {
    let plugin = try Self.started()
    let pods = (0..<18).flatMap {
      Self.pod("p\($0)", filler: 240_000, Self.pair(5, "app", "a") + Self.pair(5, "b", "c"))
    }
    let container = Field.bytes(
      2,
      Field.text(1, "c") + Field.text(2, "p0") + Field.text(3, "app") + Self.pair(5, "label", "x")
        + Self.pair(6, "image", "nginx") + Self.pair(6, "imagery", "y") + Field.text(7, "argument")
        + Field.text(8, "A=b") + Field.number(12, 7))
    #expect(try plugin.receive(frames: Self.frames("Synchronize", pods + container, stream: 9)) == .success([]))
    let last = try #require(plugin.handler.synchronized.last)
    #expect(last.pods.map(\.id) == (0..<18).map { "p\($0)" })
    #expect(last.pods.allSatisfy { $0.annotations == [Self.ours: "web"] && $0.labels == ["app": "a"] })
    let expected = last.containers.map { ($0.id, $0.podSandboxID, $0.name, $0.pid) }
    #expect(expected.count == 1 && expected[0] == ("c", "p0", "app", 7))
    #expect(last.containers[0].annotations == ["image": "nginx"])
    #expect(last.containers[0].arguments + last.containers[0].environment == [])
  }

  @Test("64 MiB are read, and of a byte more the largest pods are named, and the next call is served")
  func limit() throws {
    let plugin = try Self.started()
    let maximum = SynchronizeReader.maximumBytes
    func payload(_ bytes: Int) -> [UInt8] {
      let rest = Self.pod("small", filler: 1000) + Self.pod("large", filler: 9000)
      // Headers are as long for all that is so long.
      func pods(_ filler: Int) -> [UInt8] { rest + Self.pod("largest", filler: filler) }
      let about = maximum - 20_000
      let body = Request(service: Method.pluginService, method: "Synchronize", payload: pods(about)).encoded()
      return pods(about + bytes - body.count)
    }
    #expect(maximum == 64 << 20)
    #expect(try plugin.receive(frames: Self.frames("Synchronize", payload(maximum), stream: 9)) == .success([]))
    #expect(plugin.handler.synchronized.last?.pods.map(\.id) == ["small", "large", "largest"])

    let answer = try plugin.receive(frames: Self.frames("Synchronize", payload(maximum + 1), stream: 11))
    guard case .failure(let status) = answer else { return #expect(Bool(false), "it was taken") }
    #expect(status.code == Status.resourceExhausted)
    #expect(status.message.contains("Synchronize of 67108865 bytes is over the limit of 67108864"))
    #expect(status.message.contains("the largest: shop/name-largest (6709"))
    #expect(status.message.contains(", shop/name-large (90"))
    #expect(plugin.handler.unsynchronized.map(\.description) == [status.message])
    #expect(plugin.handler.synchronized.count == 2)
    #expect(try plugin.receive(.call("Shutdown", stream: 13)) == .success([]))
  }

  @Test("of a list over the limit nothing is kept but sizes, and no more objects are counted than others may have")
  func onlyMeasured() throws {
    func call(_ payload: [UInt8]) -> LongCall {
      var call = LongCall(stream: 1, length: SynchronizeReader.maximumBytes + 1, needs: Self.needs)
      let request = Request(service: Method.pluginService, method: "Synchronize", payload: payload)
      call.receive(request.encoded()[...])
      return call
    }
    let container = Field.bytes(2, Field.text(1, "c") + Field.text(2, "a"))
    var measured = call(pods + container)
    #expect(measured.reader?.pods == [] && measured.reader?.containers == [])
    let error = #expect(throws: NRIError.self) { try measured.finish() }
    #expect(error.map { "\($0)".contains("the largest: shop/name-b (") } == true)
    let many = call(Array(repeating: container, count: SynchronizeReader.maximumContainers + 1).flatMap { $0 })
    #expect(many.refusal == .tooManyContainers(limit: SynchronizeReader.maximumContainers))
  }

  @Test(
    "any other call that is too long is refused, and the next one is served",
    arguments: ["CreateContainer", "RunPodSandbox", "StateChange", "Nonsense"])
  func others(method: String) throws {
    let plugin = try Self.started()
    let log = plugin.handler.log
    let payload = Self.pod("p", filler: 4 << 20)
    guard case .failure(let status) = try plugin.receive(frames: Self.frames(method, payload, stream: 9)) else {
      return #expect(Bool(false), "it was taken")
    }
    #expect(status.code == Status.resourceExhausted)
    #expect(status.message.hasPrefix("\(method) of ") && status.message.contains("over the limit of 4194304"))
    #expect(plugin.handler.log == log && plugin.handler.unsynchronized.isEmpty)
    #expect(try plugin.receive(.call("Shutdown", stream: 11)) == .success([]))
  }

  @Test("a stream id that was used before is refused for a long call too, and all of it is let go")
  func usedStream() throws {
    let plugin = try Self.started()
    let frames = Self.frames("Synchronize", Self.pod("p", filler: 4 << 20), stream: 5)
    let refused = Response.failure(Status(code: 3, message: "stream id 5 is even or was used before"))
    #expect(try plugin.receive(frames: frames) == refused)
    #expect(try plugin.receive(.call("Shutdown", stream: 7)) == .success([]))
  }

  private let pods = pod("a", filler: 3) + pod("b", filler: 300, Field.number(9, 5)) + Field.number(3, 1)

  @Test("cut anywhere, it is the same")
  func cuts() throws {
    let body = Request(
      service: Method.pluginService, method: "Synchronize", payload: pods, timeoutNanoseconds: 5
    ).encoded()
    func read(_ pieces: [ArraySlice<UInt8>]) throws -> PluginCall {
      var call = LongCall(stream: 1, length: body.count, needs: Self.needs)
      for piece in pieces { call.receive(piece) }
      return try call.finish()
    }
    let whole = try read([body[...]])
    guard case .synchronize(let pods, _, true) = whole else { return #expect(Bool(false), "\(whole)") }
    #expect(pods.map(\.id) == ["a", "b"] && pods[1].pid == 5)
    for cut in body.indices { #expect(try read([body[..<cut], body[cut...]]) == whole) }
    #expect(try read(body.indices.map { body[$0...$0] }) == whole)
    let untimed = Request(service: Method.pluginService, method: "Synchronize", payload: self.pods).encoded()
    for end in untimed.indices where end > 0 {
      #expect(throws: NRIError.self) { try read([body[..<end]]) == whole }
    }
  }

  @Test("annotations of ours over 16 KiB become one that chooses no profile")
  func overLong() throws {
    func annotations(_ bytes: Int) throws -> [String: String]? {
      let plugin = try Self.started()
      let pod = Field.bytes(1, Field.text(1, "p") + Self.pair(6, Self.ours, String(repeating: "x", count: bytes)))
      _ = try plugin.call(Method.synchronize, pod, stream: 9)
      return plugin.handler.synchronized.last?.pods.first?.annotations
    }
    let maximum = ObjectNeeds.annotationsMaximumBytes
    #expect(try annotations(maximum - 100)?[Self.ours]?.utf8.count == maximum - 100)
    for bytes in [maximum, 5 * maximum] {
      #expect(try annotations(bytes) == ["\(Self.ours)/annotations-too-long": ""])
    }
  }

  @Test("a container's annotations are never too long for the list: only its image counts, and over 16 KiB it is told")
  func overLongContainer() throws {
    func annotations(_ key: String, _ bytes: Int) throws -> [String: String]? {
      let plugin = try Self.started()
      let long = Self.pair(6, key, String(repeating: "x", count: bytes))
      let container = Field.bytes(2, Field.text(1, "c") + long + Self.pair(6, "other", "y"))
      let more = Field.bytes(2, Field.text(1, "d") + Self.pair(6, "image", "nginx"))
      #expect(try plugin.call(Method.synchronize, container + more, stream: 9) == .success([]))
      let containers = plugin.handler.synchronized.last?.containers
      #expect(containers?.last?.annotations == ["image": "nginx"])
      return containers?.first?.annotations
    }
    let maximum = ObjectNeeds.annotationsMaximumBytes
    #expect(try annotations("image", maximum - 100)?["image"]?.utf8.count == maximum - 100)
    for bytes in [maximum, 5 * maximum] {
      #expect(try annotations("image", bytes) == ["\(Self.ours)/annotations-too-long": ""])
      #expect(try annotations(Self.ours, bytes) == [:])
      #expect(try annotations("\(Self.ours)/image", bytes) == [:])
    }
  }

  @Test("a pod that takes too much without what is not needed is refused")
  func tooLongObject() throws {
    let plugin = try Self.started()
    let pod = Field.bytes(1, Field.text(1, String(repeating: "x", count: ObjectReader.maximumBytes)))
    guard case .failure(let status) = try plugin.receive(frames: Self.frames("Synchronize", pod, stream: 9)) else {
      return #expect(Bool(false), "it was taken")
    }
    #expect(status.message.contains("SynchronizeRequest.pods: one takes more than 4194304 bytes"))
  }

  @Test(
    "broken fields of a long Synchronize are refused by name",
    arguments: [
      (Field.number(1, 1), "SynchronizeRequest.pods: wire type 0, expected 2"),
      (Field.text(3, "1"), "SynchronizeRequest.more: wire type 2, expected 0"),
      (Field.number(3, 1) + Field.number(3, 1), "SynchronizeRequest.more: the field is there twice"),
      (Field.nested([1, 3], [0xff]), "SynchronizeRequest.pods.uid: a string is not UTF-8"),
      (Field.bytes(1, [0x0a, 0x05]), "SynchronizeRequest.pods: the bytes end inside the field"),
      (Field.bytes(1, [0x09, 1, 2, 3, 4, 5, 6, 7, 8]), "SynchronizeRequest.pods: wire type 1, expected 2"),
      ([0x0f], "SynchronizeRequest: wire type 7 is none of 0, 1, 2 and 5"),
      ([0x0a, 0xff], "SynchronizeRequest: the bytes end inside the field"),
    ])
  func broken(payload: [UInt8], message: String) throws {
    var call = LongCall(stream: 1, length: 1, needs: Self.needs)
    let request = Request(service: Method.pluginService, method: "Synchronize", payload: payload)
    call.receive(request.encoded()[...])
    let error = #expect(throws: NRIError.self) { try call.finish() }
    #expect(error.map { "\($0)".hasSuffix(message) } == true)
  }
}
