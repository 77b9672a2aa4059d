import BPF

/// What somebody else did to what holds a running container.
extension ConfinementTable {
  /// Puts a container's network programs right. While they cannot be, and something of its rules is not enforced,
  /// nothing in it may execute.
  ///
  /// - Parameter nodeIsOpen: neither are programs of all containers.
  mutating func mendNetwork(_ containerID: String, nodeIsOpen: Bool) -> Damage? {
    guard let entry = entries[containerID] else { return nil }
    let damage = kernel.mendNetwork(entry.cgroup)
    let isOpen = damage?.isOpen == true || nodeIsOpen
    if isOpen == entry.isSuspended { return damage }
    do throws(BackendError) {
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

  /// What the runtime was told has ended, or was refused, stays closed; what is not confined stays open.
  private func set(_ entry: Entry, _ state: ContainerEntry.State) throws(BackendError) {
    guard entry.phase == .open, entry.revision != nil, var row = try kernel.container(entry.cgroup.id) else { return }
    row.state = state
    try kernel.put(row)
  }
}
