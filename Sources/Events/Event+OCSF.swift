import Policy
import System

extension Event {
  /// What it becomes in OCSF. A new kind of event says it here.
  var ocsf: OCSFContent {
    switch self {
    case .record(let record): record.ocsf
    case .lost(let losses): losses.ocsf
    case .tierLowered(let loss): loss.ocsf
    case .tampered(let tampering): tampering.ocsf
    case .nodeGate(let record): record.ocsf
    case .idle(let record): record.ocsf
    case .audit(let record): record.ocsf
    }
  }
}

extension OCSFContent {
  /// A detection finding, which is new.
  static func finding(
    _ title: String, kind: String, _ timeNanoseconds: Int64, _ severity: OCSFSeverity, isAlert: Bool, message: String
  ) -> OCSFContent {
    OCSFContent(
      timeNanoseconds: timeNanoseconds, kind: kind, activity: .createFinding, severity: severity, status: .new,
      message: message, isAlert: isAlert, title: title)
  }

  /// Says what was found, and whose it is.
  fileprivate mutating func add(what: String, _ subject: Subject?) {
    var evidence: [(String, JSON)] = [("data", ["what": .string(what)])]
    said.insert("what")
    if let container = OCSFObject.container(subject) {
      evidence.append(("container", container))
      said.formUnion(["container", "image", "imageDigest"])
    }
    members.append(("evidences", [.object(evidence)]))
  }
}

extension EventLosses {
  /// A loud container brings itself over its rate, and what it did until then was told. Whatever else is lost may hide
  /// something.
  fileprivate var ocsf: OCSFContent {
    let isHarmless = unwritten == 0 && counts.allSatisfy { $0.counter == .eventsDroppedRate }
    return .finding(
      "Events are missing", kind: "dropped", timeNanoseconds, isHarmless ? .low : .medium, isAlert: !isHarmless,
      message: summary)
  }
}

extension TierLoss {
  fileprivate var ocsf: OCSFContent {
    .finding(
      "Less is enforced than before", kind: "tierLowered", timeNanoseconds, .high, isAlert: true, message: summary)
  }
}

extension Tampering {
  fileprivate var ocsf: OCSFContent {
    var content = OCSFContent.finding(
      "What Stockade keeps in the kernel was changed", kind: "tampered", timeNanoseconds,
      problem == nil ? .high : .critical, isAlert: true, message: summary)
    content.control = problem == nil ? .corrected : .uncorrected
    content.add(what: what, subject)
    return content
  }
}

extension GateRecord {
  /// To close a gate makes the node no weaker.
  fileprivate var ocsf: OCSFContent {
    let isHarmless = record.act == .closed
    var content = OCSFContent.finding(
      "The node gate was changed", kind: "nodeGate", record.timeNanoseconds, isHarmless ? .informational : .medium,
      isAlert: !isHarmless, message: summary)
    if let user = record.user {
      content.members.append(("actor", ["user": OCSFObject.user(user)]))
      content.said.insert("user")
    }
    return content
  }
}

extension AuditRecord {
  /// While it lasts, less is blocked. What is refused may be an attempt.
  fileprivate var ocsf: OCSFContent {
    let isHarmless = act == .ended
    var content = OCSFContent.finding(
      "A temporary audit", kind: "audit", timeNanoseconds, isHarmless ? .informational : .medium,
      isAlert: !isHarmless, message: summary)
    if let caller {
      content.members.append(("actor", ["user": OCSFObject.user(caller.uid)]))
    }
    return content
  }
}

extension IdleRecord {
  fileprivate var ocsf: OCSFContent {
    var content = OCSFContent.finding(
      "Something in a profile or an annotation does nothing", kind: "idle", timeNanoseconds, .low, isAlert: false,
      message: what)
    content.add(what: what, subject)
    return content
  }
}
