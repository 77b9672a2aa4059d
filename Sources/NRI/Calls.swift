import CProtobuf
import TTRPC

/// A call of the Plugin service, as it was read.
package enum PluginCall: Equatable, Sendable {
  case configure(Configuration)
  case synchronize(pods: [PodSandbox], containers: [Container], more: Bool)
  case podEvent(Event, PodSandbox)
  case containerEvent(Event, PodSandbox, Container)
  case validate(PodSandbox, Container, LinuxSeccomp?)
  case shutdown
  /// An event for which we have no use. It is answered, but its content is not read.
  case unused

  /// nil: NRI has no such method.
  ///
  /// - Parameter needs: which parts of Synchronize are kept.
  init?(
    method: String, payload: [UInt8], needs: @autoclosure () -> ObjectNeeds = .everything
  ) throws(NRIError) {
    switch method {
    case Method.configure: self = .configure(try Configuration(decoding: payload))
    case Method.synchronize: self = try Self.synchronize(payload, needs())
    case Method.shutdown: self = .shutdown
    case Method.stateChange: self = try Self.stateChange(payload)
    default:
      guard let event = Event(method: method) else { return nil }
      self = try Self.event(event, payload)
    }
  }

  private static func synchronize(_ payload: [UInt8], _ needs: ObjectNeeds) throws(NRIError) -> PluginCall {
    var reader = SynchronizeReader(needs: needs, length: payload.count)
    try reader.receive(payload[...])
    try reader.finish()
    return .synchronize(pods: reader.pods, containers: reader.containers, more: reader.isMore)
  }

  private static func stateChange(_ payload: [UInt8]) throws(NRIError) -> PluginCall {
    let (number, pod, container) = try decode(payload) { (message: Nri__StateChangeEvent) in
      (message.event, PodSandbox(message.pod), Container(message.container))
    }
    guard let event = Event(rawValue: number), !event.hasAnswer else { throw .notAStateChange(event: number) }
    return try make(event, pod, container, method: Method.stateChange)
  }

  private static func event(_ event: Event, _ payload: [UInt8]) throws(NRIError) -> PluginCall {
    if event == .validateContainerAdjustment { return try validate(payload) }
    if !event.isUsed { return .unused }
    let (pod, container) = try decode(payload) { (message: Nri__EventRequest) in
      (PodSandbox(message.pod), Container(message.container))
    }
    return try make(event, pod, container, method: event.method)
  }

  private static func make(
    _ event: Event, _ pod: PodSandbox?, _ container: Container?, method: String
  ) throws(NRIError) -> PluginCall {
    if !event.isUsed { return .unused }
    guard let pod else { throw .missing(field: "pod", method: method) }
    if event.isOfPod { return .podEvent(event, pod) }
    guard let container else { throw .missing(field: "container", method: method) }
    return .containerEvent(event, pod, container)
  }

  private static func validate(_ payload: [UInt8]) throws(NRIError) -> PluginCall {
    let (pod, container, policy) = try decode(payload) { (message: Nri__ValidateContainerAdjustmentRequest) in
      (PodSandbox(message.pod), Container(message.container), LinuxSeccomp(message.adjust))
    }
    let method = Event.validateContainerAdjustment.method
    guard let pod else { throw .missing(field: "pod", method: method) }
    guard let container else { throw .missing(field: "container", method: method) }
    return .validate(pod, container, policy)
  }
}

/// What a plugin answers to a call that went well.
enum PluginAnswer: Equatable, Sendable {
  case events(EventMask)
  case synchronized(more: Bool)
  case policy(LinuxSeccomp?)
  case empty

  func encoded() -> [UInt8] {
    switch self {
    case .empty, .policy(nil): []
    case .events(let events): Nri__ConfigureResponse.encode { message, _ in message.events = events.rawValue }
    case .synchronized(let more): Nri__SynchronizeResponse.encode { message, _ in message.more = more ? 1 : 0 }
    case .policy(let policy?):
      Nri__CreateContainerResponse.encode { message, arena in message.adjust = arena.adjustment(policy) }
    }
  }
}

extension Configuration {
  init(decoding payload: [UInt8]) throws(NRIError) {
    self.init()
    self = try decode(payload) { (message: Nri__ConfigureRequest) in
      var value = Configuration()
      value.config = text(message.config)
      value.runtimeName = text(message.runtime_name)
      value.runtimeVersion = text(message.runtime_version)
      value.registrationTimeoutMilliseconds = message.registration_timeout
      value.requestTimeoutMilliseconds = message.request_timeout
      value.nriVersion = text(message.nri_version)
      return value
    }
  }

  package func encoded() -> [UInt8] {
    Nri__ConfigureRequest.encode { message, arena in
      message.config = arena.string(config)
      message.runtime_name = arena.string(runtimeName)
      message.runtime_version = arena.string(runtimeVersion)
      message.registration_timeout = registrationTimeoutMilliseconds
      message.request_timeout = requestTimeoutMilliseconds
      message.nri_version = arena.string(nriVersion)
    }
  }
}

/// RegisterPlugin's request.
package struct Registration: Equatable, Sendable {
  package var name: String
  package var index: String
  package var nriVersion: String

  package init(name: String, index: String, nriVersion: String) {
    self.name = name
    self.index = index
    self.nriVersion = nriVersion
  }

  package init(decoding payload: [UInt8]) throws(NRIError) {
    self = try decode(payload) { (message: Nri__RegisterPluginRequest) in
      Registration(
        name: text(message.plugin_name), index: text(message.plugin_idx), nriVersion: text(message.nri_version))
    }
  }

  package func encoded() -> [UInt8] {
    Nri__RegisterPluginRequest.encode { message, arena in
      message.plugin_name = arena.string(name)
      message.plugin_idx = arena.string(index)
      message.nri_version = arena.string(nriVersion)
    }
  }

  /// Checks the rules of the runtime. The runtime answers a registration that breaks them with an error.
  package func check() throws(NRIError) {
    let isNameCharacter = { (byte: UInt8) in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"): true
      default: "_.+-".utf8.contains(byte)
      }
    }
    if name.isEmpty || !name.utf8.allSatisfy(isNameCharacter) { throw .invalidPluginName(name) }
    let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    if index.utf8.count != 2 || !index.utf8.allSatisfy(isDigit) { throw .invalidPluginIndex(index) }
  }
}

/// The answers, as the runtime reads them.
package enum RuntimeReading {
  package static func events(_ payload: [UInt8]) throws(NRIError) -> EventMask {
    try decode(payload) { (message: Nri__ConfigureResponse) in EventMask(rawValue: message.events) }
  }

  package static func more(_ payload: [UInt8]) throws(NRIError) -> Bool {
    try decode(payload) { (message: Nri__SynchronizeResponse) in message.more != 0 }
  }

  package static func policy(_ payload: [UInt8]) throws(NRIError) -> LinuxSeccomp? {
    try decode(payload) { (message: Nri__CreateContainerResponse) in LinuxSeccomp(message.adjust) }
  }

  /// The reason that a validator gives for a rejection.
  package static func rejection(_ payload: [UInt8]) throws(NRIError) -> String? {
    try decode(payload) { (message: Nri__ValidateContainerAdjustmentResponse) in
      message.reject != 0 ? text(message.reason) : nil
    }
  }
}

/// The requests, as the runtime writes them.
package enum RuntimeWriting {
  package static func synchronize(pods: some Collection<PodSandbox>, containers: some Collection<Container>, more: Bool)
    -> [UInt8]
  {
    Nri__SynchronizeRequest.encode { message, arena in
      (message.n_pods, message.pods) = arena.array(pods) { arena.pod($0) }
      (message.n_containers, message.containers) = arena.array(containers) { arena.container($0) }
      message.more = more ? 1 : 0
    }
  }

  package static func event(_ pod: PodSandbox, _ container: Container?) -> [UInt8] {
    Nri__EventRequest.encode { message, arena in
      message.pod = arena.pod(pod)
      message.container = container.map { arena.container($0) }
    }
  }

  package static func stateChange(_ event: Event, _ pod: PodSandbox, _ container: Container?) -> [UInt8] {
    Nri__StateChangeEvent.encode { message, arena in
      message.event = event.rawValue
      message.pod = arena.pod(pod)
      message.container = container.map { arena.container($0) }
    }
  }

  package static func validate(_ pod: PodSandbox, _ container: Container, _ policy: LinuxSeccomp?) -> [UInt8] {
    Nri__ValidateContainerAdjustmentRequest.encode { message, arena in
      message.pod = arena.pod(pod)
      message.container = arena.container(container)
      message.adjust = policy.map { arena.adjustment($0) }
    }
  }
}

private func decode<M: ProtobufMessage, Value>(
  _ payload: [UInt8], nul: WireScan.NUL = .refused, _ body: (M) -> Value
) throws(NRIError) -> Value {
  do { return try M.decode(payload, nul: nul, body) } catch { throw .wire(error) }
}

extension PodSandbox {
  fileprivate init?(_ message: UnsafeMutablePointer<Nri__PodSandbox>?) {
    guard let message else { return nil }
    self.init(message.pointee)
  }
}

extension Container {
  fileprivate init?(_ message: UnsafeMutablePointer<Nri__Container>?) {
    guard let message else { return nil }
    self.init(message.pointee)
  }
}

extension LinuxSeccomp {
  fileprivate init?(_ message: UnsafeMutablePointer<Nri__ContainerAdjustment>?) {
    guard let policy = message?.pointee.linux?.pointee.seccomp_policy else { return nil }
    self.init(policy.pointee)
  }
}

extension Arena {
  fileprivate func pod(_ pod: PodSandbox) -> UnsafeMutablePointer<Nri__PodSandbox> {
    message { pod.write(to: &$0, self) }
  }

  fileprivate func container(_ container: Container) -> UnsafeMutablePointer<Nri__Container> {
    message { container.write(to: &$0, self) }
  }

  fileprivate func adjustment(_ policy: LinuxSeccomp) -> UnsafeMutablePointer<Nri__ContainerAdjustment> {
    message { adjustment in
      adjustment.linux = message { linux in linux.seccomp_policy = message { policy.write(to: &$0, self) } }
    }
  }
}
