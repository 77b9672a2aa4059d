/// How much is bound by what is pinned, whatever version of Stockade pinned it.
package struct PinnedCounts: Equatable, Sendable {
  package let containers: Int
  /// The number of pods with a gate.
  package let pods: Int

  package init(in folder: String) {
    containers = Self.count("\(folder)/containers")
    pods = Self.count("\(folder)/sandboxes")
  }

  /// The keys of these maps are cgroup ids. A map that cannot be counted counts as empty.
  private static func count(_ pin: String) -> Int {
    guard let map = try? Pin.open(pin) else { return 0 }
    return (try? MapAccess<UInt64, UInt64>(name: pin, descriptor: map).keys(zero: 0).count) ?? 0
  }
}
