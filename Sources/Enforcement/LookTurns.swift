/// Which containers a look is at. Asking the kernel after each link of each container would be most of what an idle
/// Stockade does, so it is one half's turn at a time; all are looked at where something is wrong.
package struct LookTurns: Sendable {
  package static let count = 2

  private var number = 0
  /// Something was found at the last look.
  private var isDisturbed = false

  /// The turns of the next look.
  mutating func next() -> Range<Int> {
    number = (number + 1) % Self.count
    return isDisturbed ? 0..<Self.count : number..<number + 1
  }

  mutating func end(foundDamage: Bool) { isDisturbed = foundDamage }

  /// Always the same one of a container, however many others come and go.
  static func turn(of containerID: String) -> Int { Int(UInt(bitPattern: containerID.hashValue) % UInt(count)) }
}
