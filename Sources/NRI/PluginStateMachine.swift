import TTRPC

/// The plugin's side of the protocol, without I/O: what to do with each message.
///
/// States: `connected` -> Configure -> `configured`. RegisterPlugin's answer may come in either state, because the
/// runtime does not wait until it has sent that answer. Synchronize, in one or more parts, follows Configure, but not
/// always: NRI 0.6 never sends it to a plugin that it launched.
///
/// Some calls are refused with an error status, so that the runtime refuses the container: a call that comes too early,
/// cannot be read or lacks its pod or container. Other things end the connection, by a thrown error: bytes that are no
/// frames or messages, an answer to nothing, a refused registration.
struct PluginStateMachine: Equatable, Sendable {
  enum State: Equatable, Sendable {
    case connected
    case configured
  }

  enum Action: Equatable, Sendable {
    case nothing
    case send(Message)
    /// The caller handles the call. It then sends the message that `answer` or `failure` makes of the outcome.
    case handle(PluginCall, stream: UInt32)
    /// A Synchronize that cannot be used. The runtime drops the plugin for it, so an answer alone would not do.
    case refuseSynchronize(Message, reason: NRIError)
  }

  /// The NRI version that this half speaks, as RegisterPlugin reports it.
  static let nriVersion = "v0.12.0"
  /// An error's text is shown to people: `kubectl describe`.
  static let maximumErrorLength = 4096
  private static let registrationStream: UInt32 = 1

  private(set) var state = State.connected
  private(set) var isRegistered = false
  /// Whether the runtime has said what runs, or has gone on to events without saying it.
  private(set) var wasTold = false
  private var features = RuntimeFeatures(of: .oldest)
  private var lastStream: UInt32 = 0
  private var pods: [PodSandbox] = []
  private var containers: [Container] = []
  /// A call that has not come whole yet, and that is not collected.
  private var long: LongCall?
  private let registrationRequest: Registration

  init(name: String, index: String) throws(NRIError) {
    registrationRequest = Registration(name: name, index: index, nriVersion: Self.nriVersion)
    try registrationRequest.check()
  }

  /// The message that is sent first, on the runtime's connection.
  var registration: Message {
    let request = Request(
      service: Method.runtimeService, method: Method.registerPlugin, payload: registrationRequest.encoded())
    return Message(header: MessageHeader(stream: Self.registrationStream, kind: .request), body: request.encoded())
  }

  /// - Parameter needs: which parts of the pods and containers of Synchronize are kept.
  mutating func receive(
    _ received: TrunkDecoder.Received, needs: @autoclosure () -> ObjectNeeds = .everything
  ) throws(NRIError) -> Action {
    let header = received.message.header
    switch (received.connection, header.kind) {
    case (Connection.plugin, .request):
      if let part = received.part { return long(header, received.message.body, part, needs) }
      return call(header, received.message.body, needs)
    case (Connection.runtime, .response) where header.stream == Self.registrationStream && !isRegistered:
      try finishRegistration(received.message.body)
      return .nothing
    default: throw .unexpectedMessage(connection: received.connection, kind: header.kind, stream: header.stream)
    }
  }

  /// The answer to a call that went well.
  mutating func answer(_ call: PluginCall, stream: UInt32, _ answer: PluginAnswer) -> Message {
    let fitting: PluginAnswer
    do { fitting = try fit(answer) } catch { return failure(stream: stream, "\(error)") }
    if case .configure = call { state = .configured }
    return response(stream, .success(fitting.encoded()))
  }

  /// The part of an answer that this runtime takes.
  private func fit(_ answer: PluginAnswer) throws(NRIError) -> PluginAnswer {
    switch answer {
    case .events(let asked):
      let taken = asked.intersection(features.events)
      // An empty mask would subscribe to everything.
      if taken.isEmpty { throw .noEvents(asked: asked, taken: features.events) }
      return .events(taken)
    case .policy(let policy?): try features.check(policy)
    default: break
    }
    return answer
  }

  /// The answer to a call that the handler refused.
  func failure(stream: UInt32, code: Int32 = Status.unknown, _ text: String) -> Message {
    response(stream, .failure(Status(code: code, message: shortened(text))))
  }

  private func response(_ stream: UInt32, _ response: Response) -> Message {
    let body = response.encoded()
    let length = body.count
    if length > MessageHeader.maximumBodyLength {
      return failure(
        stream: stream, code: Status.resourceExhausted, "\(WireError.messageTooLong(stream: stream, length: length))")
    }
    return Message(header: MessageHeader(stream: stream, kind: .response), body: body)
  }

  private mutating func finishRegistration(_ body: [UInt8]) throws(NRIError) {
    let response: Response
    do { response = try Response(decoding: body) } catch { throw .wire(error) }
    if case .failure(let status) = response { throw .registrationRefused(status) }
    isRegistered = true
  }
}

extension PluginStateMachine {
  private mutating func call(_ header: MessageHeader, _ body: [UInt8], _ needs: () -> ObjectNeeds) -> Action {
    let stream = header.stream
    if let refused = begin(header) { return refused }
    do { return call(stream, try Request(decoding: body), needs) } catch {
      return refuse(stream, Status.invalidArgument, "\(error)")
    }
  }

  /// - Returns: why there is no such call; nil: it is a new call.
  private mutating func begin(_ header: MessageHeader) -> Action? {
    let stream = header.stream
    // A client's ids are odd and rise. Some may be left out.
    if stream % 2 == 0 || stream <= lastStream {
      return refuse(stream, Status.invalidArgument, "stream id \(stream) is even or was used before")
    }
    lastStream = stream
    if header.flags != 0 { return refuse(stream, Status.unimplemented, "streaming calls are not implemented") }
    return nil
  }

  private mutating func call(_ stream: UInt32, _ request: Request, _ needs: () -> ObjectNeeds) -> Action {
    if request.service != Method.pluginService {
      return refuse(stream, Status.unimplemented, "service \(request.service) is not implemented")
    }
    do {
      guard let call = try PluginCall(method: request.method, payload: request.payload, needs: needs()) else {
        return refuse(stream, Status.unimplemented, "method \(request.method) is not implemented")
      }
      return try admit(call, request.method, stream)
    } catch { return refuse(stream, request.method, error) }
  }

  /// A part of a call that is longer than messages may be. The call is answered when all of it has come.
  private mutating func long(
    _ header: MessageHeader, _ bytes: [UInt8], _ part: BodyPlace, _ needs: () -> ObjectNeeds
  ) -> Action {
    if part.start == 0 {
      long = nil
      if let refused = begin(header) { return refused }
      long = LongCall(stream: header.stream, length: part.length, needs: needs())
    }
    // The beginning of this call was refused, so the rest of it is dropped too.
    guard long != nil else { return .nothing }
    long!.receive(bytes[...])
    if part.start + bytes.count < part.length { return .nothing }
    defer { long = nil }
    let name = long!.name
    do { return try admit(try long!.finish(), name, header.stream) } catch {
      return refuse(header.stream, name, error)
    }
  }

  private func refuse(_ stream: UInt32, _ method: String, _ error: NRIError) -> Action {
    let text = if case .wire(let malformed) = error { "\(method): \(malformed)" } else { "\(error)" }
    let code =
      switch error {
      case .callTooLong, .synchronizeTooLong: Status.resourceExhausted
      default: Status.invalidArgument
      }
    let answer = failure(stream: stream, code: code, text)
    // The handler was told all the same, and says so itself.
    return method == Method.synchronize ? .refuseSynchronize(answer, reason: error) : .send(answer)
  }

  private mutating func admit(_ call: PluginCall, _ method: String, _ stream: UInt32) throws(NRIError) -> Action {
    switch call {
    case .configure(let configuration):
      if state != .connected { throw .configuredTwice }
      features = configuration.features
    case .synchronize(let pods, let containers, let more):
      if state == .connected { throw .outOfOrder(method: method, needed: Method.configure) }
      return try collect(pods, containers, more, stream)
    case .podEvent, .containerEvent, .validate:
      if state != .configured { throw .outOfOrder(method: method, needed: Method.configure) }
      wasTold = true
    case .unused: return .send(response(stream, .success([])))
    case .shutdown: break
    }
    return .handle(call, stream: stream)
  }

  private mutating func collect(
    _ newPods: [PodSandbox], _ newContainers: [Container], _ more: Bool, _ stream: UInt32
  ) throws(NRIError) -> Action {
    do throws(NRIError) {
      if pods.count + newPods.count > SynchronizeReader.maximumPods {
        throw .tooManyPods(limit: SynchronizeReader.maximumPods)
      }
      if containers.count + newContainers.count > SynchronizeReader.maximumContainers {
        throw .tooManyContainers(limit: SynchronizeReader.maximumContainers)
      }
    } catch {
      (pods, containers) = ([], [])
      throw error
    }
    pods += newPods
    containers += newContainers
    if more { return .send(response(stream, .success(PluginAnswer.synchronized(more: true).encoded()))) }
    defer { (pods, containers) = ([], []) }
    wasTold = true
    return .handle(.synchronize(pods: pods, containers: containers, more: false), stream: stream)
  }

  private func refuse(_ stream: UInt32, _ code: Int32, _ text: String) -> Action {
    .send(failure(stream: stream, code: code, text))
  }

  private func shortened(_ text: String) -> String {
    if text.utf8.count <= Self.maximumErrorLength { return text }
    // A cut inside a character moves to before it.
    return String(text[..<text.utf8.index(text.startIndex, offsetBy: Self.maximumErrorLength)])
  }
}
