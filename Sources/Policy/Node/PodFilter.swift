import YAML

/// The seccomp filter that a container has if its profile sets none, as far as the runtime tells.
package enum PodFilter: Equatable, Sendable, CustomStringConvertible {
  /// The runtime does not tell.
  case unknown
  /// The pod asks for no filter, or the runtime sets none.
  case unconfined
  case runtimeDefault
  /// A file of the node that the pod names. What is in the file is not known; it may be stricter than the profile's.
  case localhost(String)
  /// A filter that the pod does not ask for.
  case ofRuntime

  package var description: String {
    switch self {
    case .unknown: "not known, because the runtime does not tell"
    case .unconfined: "Unconfined"
    case .runtimeDefault: "RuntimeDefault"
    case .localhost(let file): "Localhost \(quoted(file))"
    case .ofRuntime: "what the runtime sets by itself"
    }
  }
}

extension Profile {
  /// Whether the container keeps the filter that its pod brings, and does not get the profile's.
  package func keepsPodFilter(_ container: ContainerFacts) -> Bool {
    guard case .localhost = container.podFilter, let seccomp else { return false }
    return !seccomp.replacesPod
  }
}
