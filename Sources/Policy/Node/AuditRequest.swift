import YAML

/// What somebody asks for. With `seconds` 0 the audit of the scope is to end.
package struct AuditRequest: Equatable, Sendable {
  package static let secondsMax: UInt32 = 3600
  /// In characters, each a Unicode scalar.
  package static let reasonMax = 256
  /// Of each name in a scope. No name that the runtime or Kubernetes gives is longer.
  package static let nameMaxBytes = 253

  package var scope: AuditScope
  package var seconds: UInt32
  package var reason: String

  package init(scope: AuditScope, seconds: UInt32, reason: String) {
    (self.scope, self.seconds, self.reason) = (scope, seconds, reason)
  }

  /// What is wrong with the request itself; nil: nothing.
  package var problem: String? {
    let names =
      switch scope {
      case .container(let name), .podUID(let name), .profile(let name): [name]
      case .pod(let namespace, let name): [namespace, name]
      }
    for name in names where !(1...Self.nameMaxBytes).contains(name.utf8.count) || !Self.isPrintable(name) {
      return "\(quoted(name)) names no container, pod or profile: a name has 1 to \(Self.nameMaxBytes) printable bytes"
    }
    if seconds > Self.secondsMax {
      return "\(seconds) seconds are too many; at most \(Self.secondsMax), and 0 ends the temporary audit"
    }
    if !Self.isPrintable(reason) { return "the reason has a character that cannot be printed; write one line of text" }
    let count = reason.unicodeScalars.count
    if count > Self.reasonMax { return "the reason has \(count) characters; at most \(Self.reasonMax)" }
    if seconds > 0, !reason.contains(where: { !$0.isWhitespace }) {
      return "there is no reason; write why the profile is not to hold"
    }
    return nil
  }

  /// The text stands in logs and on terminals: it must neither begin a line nor hide what it says.
  private static func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    }
  }
}

extension AuditRequest {
  /// The scope with names of a bounded length.
  package var cutScope: AuditScope {
    func cut(_ name: String) -> String { String(decoding: name.utf8.prefix(Self.nameMaxBytes), as: UTF8.self) }
    return switch scope {
    case .container(let name): .container(cut(name))
    case .pod(let namespace, let name): .pod(namespace: cut(namespace), name: cut(name))
    case .podUID(let name): .podUID(cut(name))
    case .profile(let name): .profile(cut(name))
    }
  }
}
