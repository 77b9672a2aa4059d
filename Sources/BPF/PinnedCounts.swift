/// How much is bound by what is pinned, whatever version of Stockade pinned it.
package struct PinnedCounts: Equatable, Sendable {
  package let containers: Int
  /// With a gate.
  package let pods: Int

  package init(in folder: String) {
    containers = Self.count("\(folder)/containers")
    pods = Self.count("\(folder)/sandboxes")
  }

  /// Their keys are cgroup ids. What cannot be counted is none.
  private static func count(_ pin: String) -> Int {
    guard let map = try? Pin.open(pin) else { return 0 }
    return (try? MapAccess<UInt64, UInt64>(name: pin, descriptor: map).keys(zero: 0).count) ?? 0
  }
}
