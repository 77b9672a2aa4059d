import CProtobuf
import Policy
import RPC
import Status
import TTRPC
import YAML

/// The control API's methods. proto/control/v1alpha1/control.proto describes them.
package enum ControlService {
  package static let inspection = "stockade.control.v1alpha1.Inspection"
  package static let administration = "stockade.control.v1alpha1.Administration"
  package static let socketPath = "/run/stockade/stockade.sock"
  static let pageMax = 1000
  private static let pageDefault = 100

  /// The methods' names, as a request has them.
  package enum Method: String, CaseIterable, Sendable {
    case status = "Status"
    case listContainers = "ListContainers"
    case getContainer = "GetContainer"
    case listProfiles = "ListProfiles"
    case explain = "Explain"
    case watchEvents = "WatchEvents"
    case reload = "Reload"
    case setAudit = "SetAudit"
    case record = "Record"
    case endRecording = "EndRecording"

    var path: String {
      let service =
        switch self {
        case .status, .listContainers, .getContainer, .listProfiles, .explain, .watchEvents: inspection
        case .reload, .setAudit, .record, .endRecording: administration
        }
      return "/\(service)/\(rawValue)"
    }
  }

  /// All that the control socket serves: the control API, and what is usual beside it.
  package static func methods(of node: any ControlledNode) -> [RPCMethod] {
    [
      unary(.status) { (_: StatusRequestMessage) in
        let status = node.status().cut()
        return StatusResponseMessage.encode { status.write(to: &$0, $1) }
      },
      listContainers(node), getContainer(node),
      unary(.listProfiles) { (_: ListProfilesRequestMessage) in
        profilesAnswer(node.profiles())
      },
      ExplainService.method(node), EventService.method(node),
      unary(.reload, .slow) { (_: ReloadRequestMessage) in
        let outcome = node.reload()
        return ReloadResponseMessage.encode { message, arena in
          (message.n_changed, message.changed) = arena.array(outcome.changed, arena.string)
          (message.n_problems, message.problems) = arena.array(outcome.problems, arena.string)
        }
      },
      setAudit(node),
    ] + RecordingService.methods(node) + HealthService.methods + ReflectionService.methods
  }

  /// With many profiles there is no room for what is not enforced of them.
  private static func profilesAnswer(_ profiles: [ProfileStatus]) -> [UInt8] {
    func encode(_ profiles: [ProfileStatus]) -> [UInt8] {
      ListProfilesResponseMessage.encode { message, arena in
        (message.n_profiles, message.profiles) = arena.array(profiles) { profile in
          arena.message { profile.write(to: &$0, arena) }
        }
      }
    }
    let answer = encode(profiles)
    if answer.count <= RPCLimits.answerMaxBytes { return answer }
    return encode(
      profiles.map { profile in
        var profile = profile
        profile.gaps = profile.gaps.isEmpty ? [] : ["\(profile.gaps.count) gaps; stockade profile check lists them"]
        return profile
      })
  }

  private static func listContainers(_ node: any ControlledNode) -> RPCMethod {
    RPCMethod.unary(Method.listContainers.path) { (bytes, _) throws(RPCStatus) in
      let (size, token) = try decoded(bytes) { (message: ListContainersRequestMessage) in
        (Int(message.page_size), text(message.page_token))
      }
      if size > pageMax {
        throw RPCStatus(.invalidArgument, "page_size is \(size), and may be \(pageMax) at most")
      }
      // A page begins behind the id that the last one ended with, so no container is told twice.
      let rest = node.containers().sorted { $0.id < $1.id }.drop { $0.id <= token && !token.isEmpty }
      let page = Self.page(of: rest, size == 0 ? pageDefault : size)
      return ListContainersResponseMessage.encode { message, arena in
        (message.n_containers, message.containers) = arena.array(page) { container in
          arena.message { container.write(to: &$0, arena) }
        }
        message.next_page_token = arena.string(page.count < rest.count ? page.last?.id ?? "" : "")
      }
    }
  }

  /// The first containers, as many as fit an answer.
  private static func page(of containers: ArraySlice<ContainerStatus>, _ count: Int) -> ArraySlice<ContainerStatus> {
    var bytes = 0
    return containers.prefix(count).prefix { container in
      bytes += container.textBytes + containerOverheadBytes
      return bytes <= RPCLimits.answerMaxBytes
    }
  }

  /// What a container takes in a message beside its texts, generously.
  private static let containerOverheadBytes = 128

  private static func getContainer(_ node: any ControlledNode) -> RPCMethod {
    RPCMethod.unary(Method.getContainer.path) { (bytes, _) throws(RPCStatus) in
      let id = try decoded(bytes) { (message: GetContainerRequestMessage) in text(message.id) }
      guard !id.isEmpty else { throw RPCStatus(.invalidArgument, "id is missing") }
      guard let details = node.details(ofContainer: id) else { throw noContainer(id) }
      return GetContainerResponseMessage.encode { message, arena in
        message.container = arena.message { details.container.write(to: &$0, arena) }
        (message.n_gaps, message.gaps) = arena.array(details.gaps, arena.string)
      }
    }
  }

  package static func noContainer(_ id: String) -> RPCStatus {
    RPCStatus(.notFound, "no container, or more than one, has an id that begins with \(quoted(id))")
  }

  private static func setAudit(_ node: any ControlledNode) -> RPCMethod {
    RPCMethod.unary(Method.setAudit.path, .changing) { (bytes, peer) throws(RPCStatus) in
      let request = try decoded(bytes) { (message: SetAuditRequestMessage) in AuditRequest(message) }
      guard let request else { throw RPCStatus(.invalidArgument, "one of container_id, pod and profile is missing") }
      let outcome = try node.setAudit(request, by: AuditCaller(peer))
      return SetAuditResponseMessage.encode { message, arena in
        message.audit = arena.message { outcome.audit.write(to: &$0, arena) }
        (message.n_remarks, message.remarks) = arena.array(outcome.remarks, arena.string)
      }
    }
  }

  private static func unary<Request: ProtobufMessage>(
    _ method: Method, _ lane: RPCMethod.Lane = .reading, _ answer: @escaping @Sendable (Request) -> [UInt8]
  ) -> RPCMethod {
    RPCMethod.unary(method.path, lane) { (bytes, _) throws(RPCStatus) in try decoded(bytes, answer) }
  }

  /// Reads a request.
  static func decoded<Request: ProtobufMessage, Value>(
    _ bytes: [UInt8], _ body: (Request) -> Value
  ) throws(RPCStatus) -> Value {
    do { return try Request.decode(bytes, body) } catch { throw RPCStatus(.invalidArgument, "\(error)") }
  }
}

extension AuditRequest {
  /// nil: it names nothing.
  fileprivate init?(_ message: SetAuditRequestMessage) {
    let scope: AuditScope
    switch message.scope_case {
    case STOCKADE__CONTROL__V1ALPHA1__SET_AUDIT_REQUEST__SCOPE_CONTAINER_ID:
      scope = .container(text(message.container_id))
    case STOCKADE__CONTROL__V1ALPHA1__SET_AUDIT_REQUEST__SCOPE_POD: scope = AuditScope(pod: text(message.pod))
    case STOCKADE__CONTROL__V1ALPHA1__SET_AUDIT_REQUEST__SCOPE_PROFILE: scope = .profile(text(message.profile))
    default: return nil
    }
    self.init(scope: scope, seconds: message.seconds, reason: text(message.reason))
  }

  func write(to message: inout SetAuditRequestMessage, _ arena: Arena) {
    switch scope {
    case .container(let id):
      message.scope_case = STOCKADE__CONTROL__V1ALPHA1__SET_AUDIT_REQUEST__SCOPE_CONTAINER_ID
      message.container_id = arena.string(id)
    case .pod, .podUID:
      message.scope_case = STOCKADE__CONTROL__V1ALPHA1__SET_AUDIT_REQUEST__SCOPE_POD
      message.pod = arena.string(scope.subject)
    case .profile(let name):
      message.scope_case = STOCKADE__CONTROL__V1ALPHA1__SET_AUDIT_REQUEST__SCOPE_PROFILE
      message.profile = arena.string(name)
    }
    message.seconds = seconds
    message.reason = arena.string(reason)
  }
}

extension AuditCaller {
  fileprivate init(_ peer: RPCPeer) {
    self.init(uid: peer.uid, pid: UInt32(clamping: peer.pid), loginUID: peer.loginUID)
  }
}
