import CProtobuf
import Policy
import RPC
import Status
import TTRPC

/// What is to be recorded.
package struct RecordRequest: Equatable, Sendable {
  package static let secondsMax: UInt32 = 86_400

  /// Of containers or pods.
  package var scope: AuditScope
  package var seconds: UInt32
  /// Whether programs are recorded with their arguments.
  package var hasArguments: Bool

  package init(scope: AuditScope, seconds: UInt32, hasArguments: Bool = false) {
    (self.scope, self.seconds, self.hasArguments) = (scope, seconds, hasArguments)
  }
}

/// A call of Record, which waits for recordings.
package struct RecordingCall: Sendable {
  private let stream: RPCStream

  init(_ stream: RPCStream) { self.stream = stream }

  /// Calls `act` once, when nobody waits any more.
  package func whenOver(_ act: @escaping @Sendable () -> Void) { stream.whenOver(act) }

  /// Says that the recording has begun, and by what name it is ended.
  package func begin(_ name: String, containers: [String]) {
    stream.send(
      RecordResponseMessage.encode { message, arena in
        message.item_case = STOCKADE__CONTROL__V1ALPHA1__RECORD_RESPONSE__ITEM_BEGIN
        message.begin = arena.message { (begin: inout RecordingBeginMessage) in
          begin.name = arena.string(name)
          (begin.n_containers, begin.containers) = arena.array(containers, arena.string)
        }
      })
  }

  /// Sends a recording, in pieces.
  package func send(_ recording: String, of container: String) {
    var rest = Array(recording.utf8)[...]
    repeat {
      let piece = rest.prefix(RecordingService.pieceBytes)
      rest = rest.dropFirst(piece.count)
      let isLast = rest.isEmpty
      let isSent = stream.send(
        RecordResponseMessage.encode { message, arena in
          message.item_case = STOCKADE__CONTROL__V1ALPHA1__RECORD_RESPONSE__ITEM_PIECE
          message.piece = arena.message { (part: inout RecordingPieceMessage) in
            part.container = arena.string(container)
            part.text = arena.bytes(Array(piece))
            part.is_last = isLast ? 1 : 0
          }
        })
      if !isSent { return }
    } while !rest.isEmpty
  }

  package func finish(_ status: RPCStatus = .ok) { stream.finish(status) }
}

/// Record and EndRecording.
enum RecordingService {
  /// Of one answer, which has at most 1 MiB.
  static let pieceBytes = 512 << 10

  static func methods(_ node: any ControlledNode) -> [RPCMethod] { [record(node), end(node)] }

  private static func record(_ node: any ControlledNode) -> RPCMethod {
    RPCMethod.stream(ControlService.Method.record.path) { (bytes, _, stream) throws(RPCStatus) in
      let request = try ControlService.decoded(bytes) { (message: RecordRequestMessage) in RecordRequest(message) }
      guard let request else { throw RPCStatus(.invalidArgument, "one of container_id and pod is missing") }
      guard (1...RecordRequest.secondsMax).contains(request.seconds) else {
        throw RPCStatus(.invalidArgument, "seconds is \(request.seconds), and may be 1 to \(RecordRequest.secondsMax)")
      }
      try node.record(request, RecordingCall(stream))
    }
  }

  private static func end(_ node: any ControlledNode) -> RPCMethod {
    RPCMethod.unary(ControlService.Method.endRecording.path, .changing) { (bytes, _) throws(RPCStatus) in
      let name = try ControlService.decoded(bytes) { (message: EndRecordingRequestMessage) in text(message.name) }
      guard node.endRecording(name) else { throw RPCStatus(.notFound, "no recording has the name \"\(name)\"") }
      return EndRecordingResponseMessage.encode { _, _ in }
    }
  }
}

extension RecordRequest {
  /// nil: it names nothing.
  fileprivate init?(_ message: RecordRequestMessage) {
    let scope: AuditScope
    switch message.scope_case {
    case STOCKADE__CONTROL__V1ALPHA1__RECORD_REQUEST__SCOPE_CONTAINER_ID:
      scope = .container(text(message.container_id))
    case STOCKADE__CONTROL__V1ALPHA1__RECORD_REQUEST__SCOPE_POD: scope = AuditScope(pod: text(message.pod))
    default: return nil
    }
    self.init(scope: scope, seconds: message.seconds, hasArguments: message.arguments != 0)
  }

  func write(to message: inout RecordRequestMessage, _ arena: Arena) {
    if case .container(let id) = scope {
      message.scope_case = STOCKADE__CONTROL__V1ALPHA1__RECORD_REQUEST__SCOPE_CONTAINER_ID
      message.container_id = arena.string(id)
    } else {
      message.scope_case = STOCKADE__CONTROL__V1ALPHA1__RECORD_REQUEST__SCOPE_POD
      message.pod = arena.string(scope.subject)
    }
    message.seconds = seconds
    message.arguments = hasArguments ? 1 : 0
  }
}

extension ControlClient {
  /// What comes of a recording.
  package enum RecordItem: Equatable, Sendable {
    /// It has begun, of these containers.
    case begin(name: String, containers: [String])
    /// A piece of a container's recording.
    case piece(container: String, text: [UInt8], isLast: Bool)
  }

  /// Waits until a recording is over, and takes it.
  package func record(_ request: RecordRequest, _ take: (RecordItem) -> Void) throws(Problem) {
    let bytes = RecordRequestMessage.encode { request.write(to: &$0, $1) }
    do {
      try client.follow(ControlService.Method.record.path, bytes, seconds: nil) { answer in
        if let item = try? RecordResponseMessage.decode(answer, { RecordItem($0) }) ?? nil { take(item) }
        return true
      }
    } catch { throw Problem(description: "\(error)") }
  }

  package func endRecording(_ name: String) throws(Problem) {
    let request = EndRecordingRequestMessage.encode { $0.name = $1.string(name) }
    try call(.endRecording, request) { (_: EndRecordingResponseMessage) in }
  }
}

extension ControlClient.RecordItem {
  /// nil: this version does not know it.
  fileprivate init?(_ message: RecordResponseMessage) {
    switch message.item_case {
    case STOCKADE__CONTROL__V1ALPHA1__RECORD_RESPONSE__ITEM_BEGIN:
      guard let begin = message.begin?.pointee else { return nil }
      self = .begin(name: text(begin.name), containers: texts(begin.n_containers, begin.containers))
    case STOCKADE__CONTROL__V1ALPHA1__RECORD_RESPONSE__ITEM_PIECE:
      guard let piece = message.piece?.pointee else { return nil }
      self = .piece(
        container: text(piece.container),
        text: Array(UnsafeBufferPointer(start: piece.text.data, count: piece.text.len)), isLast: piece.is_last != 0)
    default: return nil
    }
  }
}
