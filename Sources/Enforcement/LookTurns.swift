/// Which containers a look checks. Asking the kernel about each link of each container would be most of what an idle
/// Stockade does. So each look checks one half of the containers, and all of them if something is wrong.
package struct LookTurns: Sendable {
  package static let count = 2

  private var number = 0
  /// Whether something was found at the last look.
  private var isDisturbed = false

  /// The turns of the next look.
  mutating func next() -> Range<Int> {
    number = (number + 1) % Self.count
    return isDisturbed ? 0..<Self.count : number..<number + 1
  }

  mutating func end(foundDamage: Bool) { isDisturbed = foundDamage }

  /// A container always has the same turn, however many others come and go.
  static func turn(of containerID: String) -> Int { Int(UInt(bitPattern: containerID.hashValue) % UInt(count)) }
}
