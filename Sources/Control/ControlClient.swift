import CProtobuf
import Explanation
import Glibc
import Policy
import RPC
import Status
import System
import TTRPC

/// Asks the Stockade that serves this node.
package struct ControlClient {
  /// Why nothing could be asked, or what the answer was.
  package struct Problem: Error, CustomStringConvertible {
    package let description: String
  }

  private static let seconds = 30
  let client: RPCClient

  package init(path: String = ControlService.socketPath) throws(Problem) {
    do { client = try RPCClient(path: path) } catch {
      throw Problem(description: "\(error)\(Self.advice(for: error.code))")
    }
  }

  private static func advice(for code: Int32) -> String {
    switch code {
    case ENOENT, ECONNREFUSED: "; no Stockade serves this node: stockade doctor says what is missing"
    case EACCES, EPERM: "; run it as root, on the node itself"
    default: ""
    }
  }

  package func status() throws(Problem) -> NodeStatus {
    try call(.status, StatusRequestMessage.encode { _, _ in }) { (message: StatusResponseMessage) in NodeStatus(message)
    }
  }

  /// All containers, sorted by id.
  package func containers() throws(Problem) -> [ContainerStatus] {
    var found: [ContainerStatus] = []
    var token = ""
    repeat {
      let request = ListContainersRequestMessage.encode { [token] message, arena in
        message.page_size = UInt32(ControlService.pageMax)
        message.page_token = arena.string(token)
      }
      let (page, next) = try call(.listContainers, request) { (message: ListContainersResponseMessage) in
        (
          elements(message.n_containers, message.containers).map { ContainerStatus($0.pointee) },
          text(message.next_page_token)
        )
      }
      found += page
      token = next
    } while !token.isEmpty
    return found
  }

  /// - Parameter id: or its beginning.
  package func container(_ id: String) throws(Problem) -> ContainerDetails {
    let request = GetContainerRequestMessage.encode { message, arena in message.id = arena.string(id) }
    return try call(.getContainer, request) { (message: GetContainerResponseMessage) in
      ContainerDetails(
        message.container.map { ContainerStatus($0.pointee) } ?? ContainerStatus(),
        gaps: texts(message.n_gaps, message.gaps))
    }
  }

  package func profiles() throws(Problem) -> [ProfileStatus] {
    try call(.listProfiles, ListProfilesRequestMessage.encode { _, _ in }) { (message: ListProfilesResponseMessage) in
      elements(message.n_profiles, message.profiles).map { ProfileStatus($0.pointee) }
    }
  }

  /// - Parameters:
  ///   - operation: the words of `stockade profile explain`.
  ///   - id: the container's id, or its beginning.
  package func explain(_ operation: [String], container id: String) throws(Problem) -> Explanation {
    let request = ExplainRequestMessage.encode { message, arena in
      message.container_id = arena.string(id)
      (message.n_operation, message.operation) = arena.array(operation, arena.string)
    }
    return try call(.explain, request) { (message: ExplainResponseMessage) in Explanation(message) }
  }

  package func reload() throws(Problem) -> ReloadOutcome {
    try call(.reload, ReloadRequestMessage.encode { _, _ in }) { (message: ReloadResponseMessage) in
      ReloadOutcome(
        changed: texts(message.n_changed, message.changed), problems: texts(message.n_problems, message.problems))
    }
  }

  package func setAudit(_ request: AuditRequest) throws(Problem) -> AuditOutcome {
    try call(.setAudit, SetAuditRequestMessage.encode { request.write(to: &$0, $1) }) {
      (message: SetAuditResponseMessage) in
      AuditOutcome(
        audit: message.audit.map { AuditStatus($0.pointee) } ?? AuditStatus(),
        remarks: texts(message.n_remarks, message.remarks))
    }
  }

  /// What comes out of a stream of events.
  package enum WatchItem: Equatable, Sendable {
    case begin(EventPosition)
    case event(WatchedEvent)
    /// count 0: how many is not known.
    case lost(count: UInt64, reason: String)
  }

  /// An event as the control API tells it.
  package struct WatchedEvent: Equatable, Sendable {
    /// nil: it stands in the place of others.
    package var position: EventPosition?
    package var timeNanoseconds: Int64
    package var namespace: String
    package var pod: String
    package var container: String
    package var action: String
    package var summary: String
    /// JSON.
    package var record: String
  }

  /// Takes events until there is none any more, or `take` returns false.
  package func watch(_ request: WatchRequest, _ take: (WatchItem) -> Bool) throws(Problem) {
    let bytes = WatchEventsRequestMessage.encode { request.write(to: &$0, $1) }
    do {
      try client.follow(ControlService.Method.watchEvents.path, bytes, seconds: request.isPastOnly ? Self.seconds : nil)
      { answer in
        guard let item = try? WatchEventsResponseMessage.decode(answer, { WatchItem($0) }) ?? nil else { return true }
        return take(item)
      }
    } catch { throw Problem(description: "\(error)") }
  }

  func call<Answer: ProtobufMessage, Value>(
    _ method: ControlService.Method, _ request: [UInt8], _ body: (Answer) -> Value
  ) throws(Problem) -> Value {
    do {
      return try Answer.decode(client.call(method.path, request, seconds: Self.seconds), body)
    } catch { throw Problem(description: "\(error)") }
  }
}

extension ControlClient.WatchItem {
  /// nil: this version does not know it.
  fileprivate init?(_ message: WatchEventsResponseMessage) {
    switch message.item_case {
    case STOCKADE__CONTROL__V1ALPHA1__WATCH_EVENTS_RESPONSE__ITEM_EVENT:
      guard let event = message.event?.pointee else { return nil }
      self = .event(
        ControlClient.WatchedEvent(
          position: event.position.map { EventPosition($0.pointee) }, timeNanoseconds: event.time,
          namespace: text(event.pod_namespace), pod: text(event.pod_name), container: text(event.container_name),
          action: text(event.action), summary: text(event.summary), record: text(event.record)))
    case STOCKADE__CONTROL__V1ALPHA1__WATCH_EVENTS_RESPONSE__ITEM_LOST:
      guard let lost = message.lost?.pointee else { return nil }
      self = .lost(count: lost.count, reason: text(lost.reason))
    case STOCKADE__CONTROL__V1ALPHA1__WATCH_EVENTS_RESPONSE__ITEM_BEGIN:
      guard let begin = message.begin?.pointee else { return nil }
      self = .begin(EventPosition(begin))
    default: return nil
    }
  }
}
