/// A version of the NRI protocol: 0.6 to 0.12 are known.
package struct NRIVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
  package let major: Int
  package let minor: Int

  package init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Reads `v0.12.0`, `0.12` and the like; nil for what begins otherwise, as `(devel)` does.
  package init?(_ text: String) {
    guard let numbers = versionNumbers(text) else { return nil }
    self.init(numbers.0, numbers.1)
  }

  package var description: String { "\(major).\(minor)" }

  package static func < (a: NRIVersion, b: NRIVersion) -> Bool { (a.major, a.minor) < (b.major, b.minor) }

  package static let oldest = NRIVersion(0, 6)
  package static let newest = NRIVersion(0, 12)
  package static let all = (6...12).map { NRIVersion(0, $0) }
}

/// Major and minor of `v2.2.1-rc.0`, `1.7.24~ds1`.
private func versionNumbers(_ text: String) -> (Int, Int)? {
  let parts = text.drop { $0 == "v" }.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
  guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { ("0"..."9").contains($0) }),
    major >= 0
  else { return nil }
  return (major, minor)
}

/// What a runtime does with a plugin's answers, as far as it can be told from Configure.
package struct RuntimeFeatures: Equatable, Sendable {
  package enum Seccomp: Equatable, Sendable {
    /// The policy is dropped silently.
    case ignored
    /// The policy is taken, but any `errno_ret` crashes the runtime.
    case withoutErrno
    case full
  }

  package let seccomp: Seccomp
  /// Events that the runtime takes; another bit makes it drop the plugin.
  package let events: EventMask

  package init(of version: NRIVersion) {
    seccomp = version >= NRIVersion(0, 12) ? .full : version >= NRIVersion(0, 10) ? .withoutErrno : .ignored
    events = version >= NRIVersion(0, 10) ? .fromNRI010 : .upToNRI09
  }

  /// Refuses a policy that the runtime would come to harm with. One that it drops does none.
  func check(_ policy: LinuxSeccomp) throws(NRIError) {
    if seccomp == .ignored { return }
    if policy.defaultAction.isEmpty && policy.syscalls.isEmpty { throw .emptyPolicy }
    if seccomp == .full { return }
    if let syscall = policy.syscalls.first(where: { $0.errnoReturn != nil }) {
      throw .errnoReturnNotTaken(syscall: syscall.names.joined(separator: ", "))
    }
  }
}

extension Configuration {
  /// The NRI version, where the runtime tells it, and otherwise the least that the runtime's own version came with:
  /// containerd from 2.2 and CRI-O from 1.34 speak 0.10; another runtime is taken for one that ignores our policy.
  package var features: RuntimeFeatures {
    if let version = NRIVersion(nriVersion) { return RuntimeFeatures(of: version) }
    let speaksNRI010: Bool =
      switch (runtimeName.lowercased(), versionNumbers(runtimeVersion)) {
      case ("containerd", let version?): version >= (2, 2)
      case ("cri-o", let version?), ("crio", let version?): version >= (1, 34)
      default: false
      }
    return RuntimeFeatures(of: NRIVersion(0, speaksNRI010 ? 10 : 6))
  }
}
