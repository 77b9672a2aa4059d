import TTRPC

/// A call that is longer than ttrpc lets messages be, as it comes in. Only Synchronize is read. The body of any other
/// call is dropped, and the call is refused. The session goes on, because a session that ends here would leave the node
/// open.
struct LongCall: Equatable, Sendable {
  /// No service's or method's name is longer.
  private static let nameMaximumBytes = 256

  // The fields of ttrpc's Request.
  private enum Field: UInt32 { case service = 1, method, payload }

  let stream: UInt32
  let length: Int
  private let needs: ObjectNeeds
  private var cutter = FieldCutter("Request")
  private var field: Field?
  private var service: [UInt8] = []
  private var method: [UInt8] = []
  private(set) var reader: SynchronizeReader?
  private(set) var refusal: NRIError?

  init(stream: UInt32, length: Int, needs: ObjectNeeds) {
    self.stream = stream
    self.length = length
    self.needs = needs
  }

  /// A name for messages.
  var name: String { method.isEmpty ? "a call" : String(decoding: method, as: UTF8.self) }

  mutating func receive(_ bytes: ArraySlice<UInt8>) {
    guard refusal == nil else { return }
    do throws(NRIError) {
      let parts: [FieldCutter.Part]
      do { parts = try cutter.receive(bytes) } catch { throw .wire(error) }
      for part in parts { try receive(part) }
    } catch {
      refusal = error
      reader = nil
    }
  }

  /// - Returns: the call, once all of it has come.
  mutating func finish() throws(NRIError) -> PluginCall {
    if let refusal { throw refusal }
    do { try cutter.finish() } catch { throw .wire(error) }
    guard let reader else { throw .callTooLong(method: name, length: length) }
    try reader.finish()
    if length > SynchronizeReader.maximumBytes { throw reader.tooLong(length) }
    return .synchronize(pods: reader.pods, containers: reader.containers, more: reader.isMore)
  }

  private mutating func receive(_ part: FieldCutter.Part) throws(NRIError) {
    switch part {
    case .begin(let number, _):
      field = Field(rawValue: number)
      if field == .payload { try beginPayload() }
    case .bytes(let bytes):
      switch field {
      case .service: service += bytes
      case .method: method += bytes
      case .payload: try reader?.receive(bytes)
      case nil: break
      }
      if max(service.count, method.count) > Self.nameMaximumBytes {
        method = []
        throw .callTooLong(method: name, length: length)
      }
    case .end, .number, .fixed: break
    }
  }

  /// The names come first, as Go writes them. Without them, nothing can be made of what follows.
  private mutating func beginPayload() throws(NRIError) {
    guard reader == nil, service.elementsEqual(Method.pluginService.utf8),
      method.elementsEqual(Method.synchronize.utf8)
    else { throw .callTooLong(method: name, length: length) }
    reader = SynchronizeReader(needs: needs, length: length)
  }
}
