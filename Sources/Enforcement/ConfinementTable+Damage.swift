import BPF

/// What somebody else did to the things that confine a running container.
extension ConfinementTable {
  /// Puts a container's network programs right. If that fails, and some of the container's rules are not enforced,
  /// nothing in the container may execute until it succeeds.
  ///
  /// - Parameter nodeIsOpen: programs for all containers could not be put right either, and something is not enforced.
  mutating func mendNetwork(_ containerID: String, nodeIsOpen: Bool) -> Damage? {
    guard let entry = entries[containerID] else { return nil }
    let damage = kernel.mendNetwork(entry.cgroup)
    let isOpen = damage?.isOpen == true || nodeIsOpen
    if isOpen == entry.isSuspended { return damage }
    do {
      try set(entry, isOpen ? .closed : .open)
      entries[containerID]!.isSuspended = isOpen
    } catch {
      let before = damage?.problem.map { "\($0); " } ?? ""
      return Damage(
        .container(entry.cgroup.id), detached: damage?.detached ?? [],
        problem: before + "the container cannot be \(isOpen ? "closed" : "opened again"): \(error)")
    }
    return damage
  }

  /// A container whose end the runtime has reported, or that was refused, stays closed. A container that is not
  /// confined stays open.
  private func set(_ entry: Entry, _ state: ContainerEntry.State) throws(BackendError) {
    guard entry.phase == .open, entry.revision != nil, var row = try kernel.container(entry.cgroup.id) else { return }
    row.state = state
    try kernel.put(row)
  }
}
