/// What of ours in the kernel was found to be other than this process left it, and what became of it.
package struct Damage: Equatable, Sendable {
  package enum Place: Hashable, Sendable {
    /// Pins of maps.
    case maps
    /// Programs for the whole system, and their pins.
    case programs
    /// The program that keeps those from the network who left their container.
    case strays
    /// The network programs of a container, by its cgroup id.
    case network(CgroupID)
    /// That a container is open or closed for such a reason, by its cgroup id.
    case container(CgroupID)
    /// Pins of these, of any number of containers, by the containers' names.
    case networkPins
  }

  package var place: Place
  /// Names of programs that did not run.
  package var detached: [String] = []
  /// Names of pins that were gone.
  package var gone: [String] = []
  /// Names of pins that were something else's.
  package var replaced: [String] = []
  /// Why something of it could not be mended; nil: all of it was.
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

  /// Beyond these, names are counted.
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

  /// The same of a container's pins: of many containers one thing.
  package mutating func add(_ other: Damage, named name: String) {
    if !other.gone.isEmpty { gone.append(name) }
    if !other.replaced.isEmpty { replaced.append(name) }
    problem = problem ?? other.problem
  }

  /// The first reason is told.
  mutating func note(_ error: BPFError) { if problem == nil { problem = error.description } }
}
