/// What a temporary audit is about. It is never about a whole node.
package enum AuditScope: Hashable, Sendable {
  /// The runtime's whole id.
  case container(String)
  /// Every pod of that name, should an older one still be ending.
  case pod(namespace: String, name: String)
  case podUID(String)
  case profile(String)

  /// - Parameter profile: nil: the container has none, or it is not known.
  package func covers(_ subject: Subject, profile: String?) -> Bool {
    switch self {
    case .container(let id): subject.containerID == id
    case .pod(let namespace, let name):
      !name.isEmpty && subject.podNamespace == namespace && subject.podName == name
    case .podUID(let uid): !uid.isEmpty && subject.podUID == uid
    case .profile(let name): profile == name
    }
  }
}

extension AuditScope {
  /// - Parameter pod: NAMESPACE/NAME, or a UID.
  package init(pod: String) {
    let parts = pod.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    self = parts.count == 2 ? .pod(namespace: parts[0], name: parts[1]) : .podUID(pod)
  }

  /// What kind of thing it is about: `container`, `pod` or `profile`.
  package var kind: String {
    switch self {
    case .container: "container"
    case .pod, .podUID: "pod"
    case .profile: "profile"
    }
  }

  /// The name of the thing that it is about.
  package var subject: String {
    switch self {
    case .container(let name), .podUID(let name), .profile(let name): name
    case .pod(let namespace, let name): "\(namespace)/\(name)"
    }
  }
}

extension AuditScope: CustomStringConvertible {
  package var description: String {
    switch self {
    case .container(let id): "container \(id)"
    case .pod(let namespace, let name): "pod \(namespace)/\(name)"
    case .podUID(let uid): "the pod with UID \(uid)"
    case .profile(let name): "profile \(name)"
    }
  }
}

/// Who asked for something, as the kernel tells it of the peer of a socket.
package struct AuditCaller: Equatable, Sendable {
  package var uid: UInt32
  package var pid: UInt32
  /// The user who logged in: loginuid of audit(7); nil: nobody did.
  package var loginUID: UInt32?

  package init(uid: UInt32, pid: UInt32, loginUID: UInt32?) {
    (self.uid, self.pid, self.loginUID) = (uid, pid, loginUID)
  }
}
