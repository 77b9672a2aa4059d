import Glibc
import Policy

/// What of a filter reaches the container, by the runtime's version.
package enum SeccompSupport: Equatable, Sendable {
  /// The runtime ignores the filter, silently.
  case none(reason: String)
  /// `errno_ret` must not be sent: it crashes containerd 2.2.
  case withoutErrno
  case full

  static let needed = "containerd 2.2 or newer, or CRI-O 1.34 or newer"

  /// By what the runtime says of itself in Configure. An empty or odd `nriVersion` decides nothing.
  package init(runtimeName: String, runtimeVersion: String, nriVersion: String) {
    if let nri = RuntimeVersion(nriVersion) {
      if nri >= RuntimeVersion(0, 12, 0) {
        self = .full
      } else if nri >= RuntimeVersion(0, 10, 0) {
        self = .withoutErrno
      } else {
        self = .none(
          reason: "NRI \(nriVersion) of \(runtimeName) \(runtimeVersion) has no seccomp policy; use \(Self.needed)")
      }
      return
    }
    let first: RuntimeVersion
    switch runtimeName.lowercased() {
    case "containerd": first = RuntimeVersion(2, 2, 0)
    case "cri-o", "crio": first = RuntimeVersion(1, 34, 0)
    default:
      self = .none(reason: "the runtime \"\(runtimeName)\" is not known to honour a seccomp policy; use \(Self.needed)")
      return
    }
    guard let version = RuntimeVersion(runtimeVersion) else {
      self = .none(reason: "cannot tell the version of \(runtimeName) from \"\(runtimeVersion)\"; use \(Self.needed)")
      return
    }
    self =
      version >= first
      ? .withoutErrno
      : .none(reason: "\(runtimeName) \(runtimeVersion) ignores a seccomp policy; use \(Self.needed)")
  }
}

/// A version as runtimes print it: `v2.2.0`, `2.3.4+unknown`, `2.2.0-rc.1`, `1.7.24~ds1`.
struct RuntimeVersion: Comparable {
  private var numbers: [Int]
  /// Before the release of the same numbers.
  private var isPreRelease = false

  /// Longer is no version.
  static let textMaxBytes = 128
  private static let preReleaseWords = ["alpha", "beta", "dev", "pre", "rc"]

  init(_ major: Int, _ minor: Int, _ patch: Int) { numbers = [major, minor, patch] }

  init?(_ text: String) {
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
    // `-` or `~` and such a word; `+build`, `-k3s1` and `~ds1` come after the release.
    guard let mark = tail.first else { return }
    guard mark == "-" || mark == "~" || mark == "+" else { return nil }
    isPreRelease = mark != "+" && Self.preReleaseWords.contains { tail.dropFirst().hasPrefix($0) }
  }

  static func < (a: RuntimeVersion, b: RuntimeVersion) -> Bool {
    if a.numbers != b.numbers { return a.numbers.lexicographicallyPrecedes(b.numbers) }
    return a.isPreRelease && !b.isPreRelease
  }
}

/// The filter as this runtime can carry it, with its notes.
///
/// - Throws: `SeccompError.runtime` where the filter would not reach the container as it is written.
package func adapt(
  _ resolved: ResolvedSeccomp, to support: SeccompSupport
) throws(SeccompError) -> ResolvedSeccomp {
  var adapted = resolved
  // Runtimes drop it, and runc then answers EPERM; `resolve` has refused every other value.
  adapted.filter.defaultErrno = nil
  adapted.optional = []
  switch support {
  case .none(let reason): throw .runtime(resolved.location, "no seccomp filter can be set: \(reason)")
  case .full:
    adapted.filter.syscalls += resolved.optional
  case .withoutErrno:
    for index in adapted.filter.syscalls.indices {
      let rule = adapted.filter.syscalls[index]
      guard let errno = rule.errnoReturn else { continue }
      guard errno == UInt32(FilterAction.errnoDefault) else {
        throw .runtime(
          rule.location ?? resolved.location,
          "\(rule.action) with errno \(errno) for \"\(rule.names[0])\" needs NRI 0.12 (containerd 2.3); "
            + "with this runtime only \(FilterAction.errnoDefault) (EPERM) is possible: use another filter, or "
            + "remove spec.seccomp to keep the filter that the pod has")
      }
      adapted.filter.syscalls[index].errnoReturn = nil
    }
    if !resolved.optional.isEmpty {
      adapted.notes.append(
        "clone3 answers EPERM in place of ENOSYS before NRI 0.12: programs with glibc 2.34 and newer make no threads")
    }
  }
  return adapted
}
