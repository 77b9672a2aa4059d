import Policy
import System

/// An event as a record of the Open Cybersecurity Schema Framework. docs/ocsf.md has what becomes of which event.
struct OCSFRecord {
  static let schemaVersion = "1.4.0"

  private let node: String
  private let own: JSON
  private let content: OCSFContent

  init(_ event: Event, node: String) { (self.node, own, content) = (node, event.json, event.ocsf) }

  /// One JSON object.
  var json: JSON {
    let activity = content.activity
    var members: [(String, JSON)] = [
      ("time", .integer(content.timeNanoseconds / 1_000_000)),
      ("time_dt", .string(Timestamp.rfc3339(nanoseconds: content.timeNanoseconds))),
      ("category_uid", .integer(Int64(activity.ofClass.category))),
      ("class_uid", .integer(Int64(activity.ofClass.rawValue))), ("class_name", .string(activity.ofClass.name)),
      ("activity_id", .integer(Int64(activity.number))), ("activity_name", .string(activity.name)),
      ("type_uid", .integer(Int64(activity.type))),
      ("severity_id", .integer(Int64(content.severity.rawValue))), ("severity", .string(content.severity.name)),
      ("status_id", .integer(Int64(content.status.number))), ("status", .string(content.status.name)),
    ]
    if let detail = content.statusDetail { members.append(("status_detail", .string(detail))) }
    members += [("message", .string(content.message)), ("metadata", metadata)]
    members += control + [("is_alert", .bool(content.isAlert)), ("device", OCSFObject.device(node))]
    if !attacks.isEmpty { members.append(("attacks", .array(attacks))) }
    if let title = content.title { members.append(("finding_info", finding(title))) }
    members += content.members
    if let unmapped = own.without(content.said.union(["time", "kind"])) { members.append(("unmapped", unmapped)) }
    return .object(members)
  }

  private var metadata: JSON {
    let profiles: [JSON] = ["container", "datetime", "host"] + (content.control == nil ? [] : ["security_control"])
    return [
      "version": .string(Self.schemaVersion), "product": ["name": "Stockade", "vendor_name": "Stockade"],
      "profiles": .array(profiles), "event_code": .string(content.kind),
    ]
  }

  private var control: [(String, JSON)] {
    guard let control = content.control else { return [] }
    let (action, disposition) = (control.action, control.disposition)
    var members: [(String, JSON)] = [
      ("action_id", .integer(Int64(action.number))), ("action", .string(action.name)),
      ("disposition_id", .integer(Int64(disposition.number))), ("disposition", .string(disposition.name)),
    ]
    if let profile = content.profile, !profile.isEmpty {
      members.append(("policy", ["name": .string(profile), "is_applied": .bool(control.isDenial)]))
    }
    return members
  }

  private func finding(_ title: String) -> JSON {
    var members: [(String, JSON)] = [("uid", .string(findingID)), ("title", .string(title))]
    if let rule = content.rule {
      members.append(("analytic", ["name": .string(rule), "type_id": 1, "type": "Rule"]))
    }
    if !attacks.isEmpty { members.append(("attacks", .array(attacks))) }
    return .object(members)
  }

  /// The same wherever the event is written, and another one for every other event. FNV-1a.
  private var findingID: String {
    let hash = own.text.utf8.reduce(into: 0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return "\(node)/\(content.kind)/\(content.timeNanoseconds)/\(String(hash, radix: 16))"
  }

  private var attacks: [JSON] { content.tags.compactMap(OCSFObject.attack) }
}

/// What an event becomes in OCSF.
struct OCSFContent {
  var timeNanoseconds: Int64
  /// The event's own kind.
  var kind: String
  var activity: OCSFActivity
  var severity: OCSFSeverity
  var status: OCSFStatus
  var statusDetail: String?
  var message: String
  /// nil: nothing was decided.
  var control: OCSFControl?
  var isAlert: Bool
  /// Only of a finding.
  var title: String?
  /// What decided.
  var profile: String?
  var rule: String?
  var tags: [String] = []
  /// What only some classes and events have.
  var members: [(String, JSON)] = []
  /// The event's own members that the record has in some other place, such as `process.pid`. All others are in
  /// `unmapped`, so a member that an event gets later is not lost.
  var said: Set<String> = []
}

extension JSON {
  /// The value without some members; nil: nothing is left. The name of a member within a member is `process.pid`.
  fileprivate func without(_ names: Set<String>, in place: String = "") -> JSON? {
    guard case .object(let members) = self else { return self }
    let left = members.compactMap { name, value -> (String, JSON)? in
      let path = place + name
      if names.contains(path) { return nil }
      return value.without(names, in: path + ".").map { (name, $0) }
    }
    return left.isEmpty ? nil : .object(left)
  }
}
