/// Something of ours in the kernel that is not as this process left it, and what became of it.
package struct Damage: Equatable, Sendable {
  package enum Place: Hashable, Sendable {
    /// Pins of maps.
    case maps
    /// Programs for the whole system, and their pins.
    case programs
    /// The program that keeps processes that left their container away from the network.
    case strays
    /// The network programs of a container, by its cgroup id.
    case network(CgroupID)
    /// The state of a container, by its cgroup id: it is open or closed because of such damage.
    case container(CgroupID)
    /// Pins of network programs, of any number of containers, by the containers' names.
    case networkPins
  }

  package var place: Place
  /// Names of programs that did not run.
  package var detached: [String] = []
  /// Names of pins that were gone.
  package var gone: [String] = []
  /// Names of pins that were something else's.
  package var replaced: [String] = []
  /// Why a part of it could not be mended; nil: all of it was mended.
  package var problem: String?

  package init(
    _ place: Place, detached: [String] = [], gone: [String] = [], replaced: [String] = [], problem: String? = nil
  ) {
    self.place = place
    (self.detached, self.gone, self.replaced, self.problem) = (detached, gone, replaced, problem)
  }

  package var isNone: Bool { detached.isEmpty && gone.isEmpty && replaced.isEmpty && problem == nil }

  /// Whether something was not enforced until it was mended.
  package var wasOpen: Bool { !detached.isEmpty }

  /// Whether something is not enforced.
  package var isOpen: Bool { wasOpen && problem != nil }

  /// Names beyond this number are only counted.
  package static let namesMax = 8

  /// `programs did not run: egress; pins were gone: ingress, connect4`.
  package var what: String {
    let parts = [
      ("programs did not run", detached), ("pins were gone", gone), ("pins were something else's", replaced),
    ].filter { !$0.1.isEmpty }.map { "\($0.0): \(Self.list($0.1))" }
    return "\(subject): " + (parts.isEmpty ? "it could not be put right" : parts.joined(separator: "; "))
  }

  private var subject: String {
    switch place {
    case .maps: "tables"
    case .programs: "programs of the node"
    case .strays: "the network program of the node"
    case .network: "network programs of a container"
    case .container: "a container's entry"
    case .networkPins: "network programs of containers"
    }
  }

  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(namesMax).joined(separator: ", ")
    return names.count > namesMax ? "\(shown) and \(names.count - namesMax) more" : shown
  }

  /// Adds the damage of a container's pins. The damage of many containers is told as one.
  package mutating func add(_ other: Damage, named name: String) {
    if !other.gone.isEmpty { gone.append(name) }
    if !other.replaced.isEmpty { replaced.append(name) }
    problem = problem ?? other.problem
  }

  /// Only the first reason is told.
  mutating func note(_ error: BPFError) { if problem == nil { problem = error.description } }
}
