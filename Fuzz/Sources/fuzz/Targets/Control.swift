@testable import Events
@testable import Explanation
@testable import Policy
@testable import Status

@testable import Control
@testable import RPC
@testable import TTRPC

extension Target {
  /// The messages of the control API, which the daemon and the commands read. The first byte says which.
  static let control = Target(name: "control", samples: { ControlSamples.all }) { input in
    let (choice, rest) = input.choice()
    let bytes = Array(rest)
    if choice >= 128 { return call(methods[choice % methods.count], bytes) }
    switch choice {
    case 0: writeAgain(bytes, { NodeStatus($0) }, { $0.write(to: &$1, $2) })
    case 1: writeAgain(bytes, { ContainerStatus($0) }, { $0.write(to: &$1, $2) })
    case 2: writeAgain(bytes, { ProfileStatus($0) }, { $0.write(to: &$1, $2) })
    case 3: writeAgain(bytes, { AuditStatus($0) }, { $0.write(to: &$1, $2) })
    case 4: writeAgain(bytes, { Explanation($0) }, { $0.write(to: &$1, $2) })
    case 5: writeAgain(bytes, { WatchRequest($0) }, { $0.write(to: &$1, $2) })
    case 6: writeAgain(bytes, { EventPosition($0) }, { $0.write(to: &$1, $2) })
    default: break
    }
  }

  private static let node = QuietNode()
  private static let methods = ControlService.methods(of: node)

  /// Answers with something that can be sent, or with a status.
  private static func call(_ method: RPCMethod, _ bytes: [UInt8]) {
    switch method.kind {
    case .unary(_, let answer), .dialogue(let answer):
      guard let sent = try? answer(bytes, RPCPeer(uid: 0, pid: 1)) else { return }
      require(sent.count <= RPCLimits.answerMaxBytes, "\(method.name) answers with \(sent.count) bytes")
    case .stream: break
    }
  }

  private static func writeAgain<M: ProtobufMessage, Value: Equatable>(
    _ bytes: [UInt8], _ read: (M) -> Value, _ write: (Value, inout M, Arena) -> Void
  ) {
    guard let value = try? M.decode(bytes, read) else { return }
    let written = M.encode { write(value, &$0, $1) }
    let again = try? M.decode(written, read)
    require(again == value, "\(value) is another one when it is written and read: \(again as Any)")
  }
}

/// Messages with something in each field that was easy to fill.
enum ControlSamples {
  static var all: [[UInt8]] {
    var status = NodeStatus()
    (status.version, status.instance, status.problems) = ("1", "i", ["p"])
    (status.tier.claimed, status.tier.proved) = ("lsm", "lsm")
    status.containers = [.init(profile: "web", state: .open, count: 3)]
    status.losses = [.init("flowsFull", 7)]
    status.tables = [.init("gates", 1, of: 2)]
    var container = ContainerStatus()
    (container.id, container.name, container.podUID, container.profile) = ("c1", "app", "u", "web")
    var audit = AuditStatus()
    (audit.scope, audit.subject, audit.containerIDs) = ("pod", "shop/web", ["c1"])
    status.audits = [audit]
    var watch = WatchRequest()
    (watch.filter.namespaces, watch.backlog) = (["shop"], 3)
    watch.after = EventPosition(instance: "i", number: 4)
    let explain = ExplainRequestMessage.encode { message, arena in
      message.container_id = arena.string("c1")
      (message.n_operation, message.operation) = arena.array(["--new", "exec", "/bin/sh", "-c"], arena.string)
    }
    let request = AuditRequest(scope: .profile("web"), seconds: 60, reason: "r")
    return [
      [0] + StatusResponseMessage.encode { [status] in status.write(to: &$0, $1) },
      [1] + ContainerMessage.encode { [container] in container.write(to: &$0, $1) },
      [3] + AuditMessage.encode { [audit] in audit.write(to: &$0, $1) },
      [5] + WatchEventsRequestMessage.encode { [watch] in watch.write(to: &$0, $1) },
    ] + (128..<148).flatMap { [[$0] + explain, [$0] + SetAuditRequestMessage.encode { request.write(to: &$0, $1) }] }
  }
}

/// A node on which little happens.
private final class QuietNode: ControlledNode {
  let instance = "first"
  let name = "n1"
  let events = EventHub()

  func status() -> NodeStatus { NodeStatus() }
  func containers() -> [ContainerStatus] {
    ["c1", "c2"].map { id in
      var container = ContainerStatus()
      container.id = id
      return container
    }
  }
  func details(ofContainer id: String) -> ContainerDetails? {
    containers().first { $0.id == id }.map { ContainerDetails($0, gaps: []) }
  }
  func profiles() -> [ProfileStatus] { [] }
  func explain(_ operation: Operation, inContainer id: String) throws(RPCStatus) -> Explanation {
    var explanation = Explanation()
    explanation.operation = operation.text
    return explanation
  }
  func reload() -> ReloadOutcome { ReloadOutcome(changed: [], problems: []) }
  func setAudit(_ request: AuditRequest, by caller: AuditCaller) throws(RPCStatus) -> AuditOutcome {
    AuditOutcome(audit: AuditStatus(), remarks: ["\(request.scope)", request.reason])
  }
  func record(_ request: RecordRequest, _ call: RecordingCall) throws(RPCStatus) {}
  func endRecording(_ name: String) -> Bool { name == "r1" }
}
