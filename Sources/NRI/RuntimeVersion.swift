/// A version as runtimes print it: `v2.2.0`, `2.3.4+unknown`, `2.2.0-rc.1`, `1.7.24~ds1`.
package struct RuntimeVersion: Comparable, Sendable {
  private var numbers: [Int]
  /// Whether it comes before the release of the same numbers.
  private var isPreRelease = false

  /// A longer text is no version.
  static let textMaxBytes = 128
  private static let preReleaseWords = ["alpha", "beta", "dev", "pre", "rc"]

  package init(_ major: Int, _ minor: Int, _ patch: Int) { numbers = [major, minor, patch] }

  package init?(_ text: String) {
    guard text.utf8.count <= Self.textMaxBytes else { return nil }
    var rest = Substring(text)
    if rest.first == "v" { rest = rest.dropFirst() }
    let head = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let parts = head.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2 || parts.count == 3 else { return nil }
    numbers = parts.compactMap { $0 }
    guard numbers.count == parts.count else { return nil }
    if numbers.count == 2 { numbers.append(0) }
    let tail = rest.dropFirst(head.count)
    // `-` or `~` and one of these words. `+build`, `-k3s1` and `~ds1` come after the release.
    guard let mark = tail.first else { return }
    guard mark == "-" || mark == "~" || mark == "+" else { return nil }
    isPreRelease = mark != "+" && Self.preReleaseWords.contains { tail.dropFirst().hasPrefix($0) }
  }

  package static func < (a: RuntimeVersion, b: RuntimeVersion) -> Bool {
    if a.numbers != b.numbers { return a.numbers.lexicographicallyPrecedes(b.numbers) }
    return a.isPreRelease && !b.isPreRelease
  }
}
