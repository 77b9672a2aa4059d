import System
import YAML

extension NodeStatus {
  /// One screen, for people.
  ///
  /// - Parameter requiredPlugin: what is known of the runtime's required plugins; nil: nothing.
  package func table(requiredPlugin: String?, nowNanoseconds: Int64) -> String {
    StatusScreen(self, requiredPlugin: requiredPlugin, nowNanoseconds: nowNanoseconds).text
  }
}

private struct StatusScreen {
  private let status: NodeStatus
  private let requiredPlugin: String?
  private let nowNanoseconds: Int64

  init(_ status: NodeStatus, requiredPlugin: String?, nowNanoseconds: Int64) {
    (self.status, self.requiredPlugin, self.nowNanoseconds) = (status, requiredPlugin, nowNanoseconds)
  }

  var text: String {
    var rows: [(String, [String])] = [
      ("protected", status.isProtected ? ["yes"] : ["NO"] + status.problems),
      ("tier", [tier]),
      ("network rules", [status.tier.networkProblem.isEmpty ? "enforced" : "none: \(status.tier.networkProblem)"]),
      ("runtime", [runtime]), ("stockade", ["\(status.version), \(status.mode.rawValue), up \(age)"]),
    ]
    if let requiredPlugin { rows.append(("required plugin", [requiredPlugin])) }
    rows += [
      ("node gate", [gate]), ("profiles", [profiles]), ("containers", containers),
      ("audits", status.audits.isEmpty ? ["none"] : status.audits.map(Self.line)),
      ("lost", Self.list(status.losses)), ("skipped", Self.list(status.misses)),
      ("fullest tables", tables),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { name, lines in
      lines.enumerated().map { index, line in
        let start = index == 0 ? name : ""
        return start + String(repeating: " ", count: width - start.count + 2) + printable(line) + "\n"
      }.joined()
    }.joined()
  }

  private var tier: String {
    let tier = status.tier
    let claim = tier.claimed == tier.proved ? tier.claimed : "\(tier.claimed) (\(tier.proved) was proved)"
    return tier.reason.isEmpty ? claim : "\(claim): \(tier.reason)"
  }

  private var runtime: String {
    let runtime = status.runtime
    guard runtime.isConnected else { return "not connected" }
    let nri = runtime.nriVersion.isEmpty ? "" : ", NRI \(runtime.nriVersion)"
    return "\(runtime.name) \(runtime.version)\(nri), connected; seccomp: \(runtime.seccomp)"
  }

  private var age: String {
    let seconds = max(0, nowNanoseconds - status.startNanoseconds) / 1_000_000_000
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\(seconds / 60) min"
    case ..<172_800: return "\(seconds / 3600) h"
    default: return "\(seconds / 86400) days"
    }
  }

  private var gate: String {
    let gate = status.nodeGate
    let state =
      gate.isClosed ? "closed" : gate.isWanted ? "OPEN, though the configuration wants it closed" : "not wanted"
    return gate.openUntilNanoseconds.map { "\(state); all gates are open until \(Timestamp.rfc3339(nanoseconds: $0))" }
      ?? state
  }

  private var profiles: String {
    let profiles = status.profiles
    if !profiles.areRead { return "not read yet" }
    return "\(profiles.count) loaded" + (profiles.problems.isEmpty ? "" : ", \(profiles.problems.count) problems")
  }

  private var containers: [String] {
    if status.containers.isEmpty { return ["none"] }
    return status.containers.map { count in
      let profile = count.profile.isEmpty ? "without a profile" : count.profile
      return "\(count.count) \(profile)" + (count.state == .open ? "" : ", \(count.state.rawValue)")
    }
  }

  private static func line(_ audit: AuditStatus) -> String {
    let caller = audit.callerPID == 0 ? "" : ", by user \(audit.callerUID)"
    return "\(audit.scope) \(audit.subject) until \(Timestamp.rfc3339(nanoseconds: audit.untilNanoseconds)): "
      + "\(audit.reason)\(caller)"
  }

  private static func list(_ counts: [NodeStatus.Count]) -> [String] {
    let risen = counts.filter { $0.count > 0 }
    return risen.isEmpty ? ["nothing"] : risen.map { "\($0.count) \($0.name)" }
  }

  private var tables: [String] {
    let fullest = status.tables.filter { $0.limit > 0 }.sorted { $0.count * $1.limit > $1.count * $0.limit }.prefix(3)
    return fullest.isEmpty ? ["not known"] : fullest.map { "\($0.name): \($0.count) of \($0.limit)" }
  }
}

extension ContainerStatus {
  /// A list, by pod.
  package static func table(_ containers: [ContainerStatus]) -> String {
    let order = containers.sorted { ($0.podNamespace, $0.podName, $0.name) < ($1.podNamespace, $1.podName, $1.name) }
    let rows = order.map {
      [
        String($0.id.prefix(13)), $0.podNamespace, $0.podName, $0.name, $0.profile.isEmpty ? "-" : $0.profile,
        $0.stateText,
      ]
    }
    return grid([["ID", "NAMESPACE", "POD", "CONTAINER", "PROFILE", "STATE"]] + rows)
  }

  fileprivate var stateText: String {
    var text = state.rawValue
    if hasOlderText { text += ", older text" }
    if let until = auditedUntilNanoseconds { text += ", audited until \(Timestamp.rfc3339(nanoseconds: until))" }
    return text
  }
}

extension ContainerDetails {
  package var table: String {
    var rows = [
      ["id", container.id], ["container", container.name], ["pod", "\(container.podNamespace)/\(container.podName)"],
      ["pod uid", container.podUID], ["image", container.image],
      ["profile", container.profile.isEmpty ? "none" : container.profile], ["state", container.stateText],
      ["cgroup", "\(container.cgroupID)"],
    ]
    rows += gaps.isEmpty && !container.profile.isEmpty ? [["not enforced", "nothing"]] : []
    rows += gaps.enumerated().map { [$0 == 0 ? "not enforced" : "", $1] }
    return grid(rows)
  }
}

/// Rows in columns; the last column has any width.
private func grid(_ rows: [[String]]) -> String {
  let rows = rows.map { $0.map(printable) }
  let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
    return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed()) + "\n"
  }.joined()
}
