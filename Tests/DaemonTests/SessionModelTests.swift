import BPF
import EnforcementTesting
import Testing

/// Sessions as no runtime should play them, on a kernel that writes down.
@Suite("random sessions", .enabled(if: EnforcerWorld.isPossible, "needs root and cgroups: processes are put in them"))
struct SessionModelTests {
  private static let steps = 500

  @Test(
    "after each step of a session the kernel's tables are as the model has them", arguments: 0..<20 as Range<UInt64>)
  func tables(_ seed: UInt64) throws {
    let world = try SessionWorld(seed: seed)
    for _ in 0..<Self.steps {
      try world.step()
      let rows = world.kernel.rows.mapValues {
        SessionModel.Row(isOpen: $0.state == .open, hasPolicy: $0.revision != nil)
      }
      let gates = Set(world.kernel.gateStates.filter { $0.value == .closed }.keys)
      // What is in force must be there.
      let revisions = Set(world.kernel.rows.values.compactMap(\.revision))
      let isRight =
        world.isAsModelSays && rows == world.model.rows && gates == world.model.gates
        && revisions.isSubset(of: world.kernel.policies)
      try #require(
        isRight,
        """
        after \(world.done.count) steps, the last of them \(world.done.suffix(12)):
        rows \(rows), gates \(gates); the model has \(world.model.rows), \(world.model.gates)
        """)
    }
  }
}
