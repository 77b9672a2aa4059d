import BPF
import Synchronization

/// What somebody else did to the things that Stockade keeps in the kernel.
extension Enforcer {
  /// Checks that everything the claim rests on is there and ours, and puts right what is not. Of the containers, it
  /// checks those whose turn it is. If something was found, it checks all containers. The lock is held for one
  /// container at a time. Nothing is checked while a newer process looks after the pins.
  ///
  /// - Returns: nil: a newer process looks after the pins.
  package func mend() -> [Damage]? {
    guard let kernel, let table else { return [] }
    guard case .inCharge(let found) = kernel.mend() else {
      // Once the newer process is gone, one look finds everything that it put in place of ours.
      turns.withLock { $0.end(foundDamage: true) }
      return nil
    }
    let problems = found.compactMap { damage in damage.problem.map { "\(damage.what): \($0)" } }
    missing.withLock { $0 = problems.isEmpty ? nil : problems.joined(separator: "; ") }
    return turns.withLock { turns in
      let all = found + mendContainers(table, of: &turns, after: found)
      turns.end(foundDamage: !all.isEmpty)
      return all
    }
  }

  private func mendContainers(_ table: LockedTable, of turns: inout LookTurns, after found: [Damage]) -> [Damage] {
    let nodeIsOpen = found.contains { $0.isOpen }
    let turn = turns.next()
    let isTurn = { (id: String) in !found.isEmpty || turn.contains(LookTurns.turn(of: id)) }
    let ids = containerIDs
    var damage = ids.filter(isTurn).compactMap { mend($0, table, nodeIsOpen: nodeIsOpen) }
    if !damage.isEmpty {
      damage += ids.filter { !isTurn($0) }.compactMap { mend($0, table, nodeIsOpen: nodeIsOpen) }
    }
    return joined(damage)
  }

  private func mend(_ id: String, _ table: LockedTable, nodeIsOpen: Bool) -> (id: String, damage: Damage)? {
    table.withLock { $0.mendNetwork(id, nodeIsOpen: nodeIsOpen) }.map { (id, $0) }
  }

  /// If only pins are missing or replaced, the damage of all containers is told as one, because most often it was one
  /// act.
  private func joined(_ damage: [(id: String, damage: Damage)]) -> [Damage] {
    var (found, pins): ([Damage], Damage) = ([], Damage(.networkPins))
    for (id, damage) in damage {
      if case .network = damage.place, !damage.wasOpen {
        pins.add(damage, named: entry(id)?.subject.text ?? id)
      } else {
        found.append(damage)
      }
    }
    return found + (pins.isNone ? [] : [pins])
  }
}
