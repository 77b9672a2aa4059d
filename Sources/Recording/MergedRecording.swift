import Policy

extension Recording {
  /// What was done in any of the recordings, with how often in all of them. What one could not see was not seen.
  ///
  /// - Parameter recordings: at least one.
  package init(merging recordings: [Recording]) {
    self.init(
      workload: Self.list(recordings.map(\.workload)), tier: recordings.map(\.tier).min() ?? .none,
      beganNanoseconds: recordings.map(\.beganNanoseconds).min() ?? 0,
      seconds: recordings.reduce(0) { $0.addingOrMax($1.seconds) })
    image = Self.list(recordings.map(\.image).filter { !$0.isEmpty })
    for recording in recordings { add(recording) }
  }

  /// Each text once, in an order that is always the same.
  private static func list(_ texts: [String]) -> String {
    Set(texts.map(ExactText.init(_:))).sorted().map(\.wrappedValue).joined(separator: ", ")
  }

  private mutating func add(_ other: Recording) {
    unseen.merge(other.unseen) { min(ExactText($0), ExactText($1)).wrappedValue }
    losses.add(other.losses)
    execs.add(other.execs)
    mappings.add(other.mappings)
    files.add(other.files)
    connections.add(other.connections)
    binds.add(other.binds)
    surfaces.add(other.surfaces)
    families.add(other.families)
    capabilities.add(other.capabilities)
    syscalls.merge(other.syscalls) { $0.union($1) }
  }
}
