/// A version of the NRI protocol: 0.6 to 0.12 are known.
package struct NRIVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
  package let major: Int
  package let minor: Int

  package init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  package var description: String { "\(major).\(minor)" }

  package static func < (a: NRIVersion, b: NRIVersion) -> Bool { (a.major, a.minor) < (b.major, b.minor) }

  package static let oldest = NRIVersion(0, 6)
  package static let newest = NRIVersion(0, 12)
  package static let all = (6...12).map { NRIVersion(0, $0) }
}

/// What a runtime does with a plugin's answers, as far as Configure tells it.
package struct RuntimeFeatures: Equatable, Sendable {
  package enum Seccomp: Equatable, Sendable {
    /// The runtime drops the policy silently.
    case ignored
    /// The runtime takes the policy, but any `errno_ret` crashes the runtime.
    case withoutErrno
    case full
  }

  package let seccomp: Seccomp
  /// Events that the runtime takes. Any other bit makes the runtime drop the plugin.
  package let events: EventMask

  package init(of version: NRIVersion) {
    seccomp = version >= NRIVersion(0, 12) ? .full : version >= NRIVersion(0, 10) ? .withoutErrno : .ignored
    events = version >= NRIVersion(0, 10) ? .fromNRI010 : .upToNRI09
  }

  /// Refuses a policy that would harm the runtime. A policy that the runtime drops does no harm.
  package func check(_ policy: LinuxSeccomp) throws(NRIError) {
    if seccomp == .ignored { return }
    if policy.defaultAction.isEmpty && policy.syscalls.isEmpty { throw .emptyPolicy }
    if seccomp == .full { return }
    if let syscall = policy.syscalls.first(where: { $0.errnoReturn != nil }) {
      throw .errnoReturnNotTaken(syscall: syscall.names.joined(separator: ", "))
    }
  }
}

/// What a runtime tells of the filter that a container has if no plugin sets one.
package enum FilterReport: Equatable, Sendable {
  case nothing
  /// What the pod asks for. What the runtime makes of it is not told.
  case profile
  /// Also the filter. If there is none, the container has none.
  case filter
}

extension Configuration {
  /// CRI-O tells nothing, whatever its NRI has: it fills these fields in no version that we know.
  package var filterReport: FilterReport {
    guard runtimeName.lowercased() == "containerd" else { return .nothing }
    if let nri = RuntimeVersion(nriVersion), nri >= RuntimeVersion(0, 12, 0) { return .filter }
    guard let version = RuntimeVersion(runtimeVersion), version >= RuntimeVersion(2, 2, 1) else { return .nothing }
    return .profile
  }

  /// What the NRI version supports, if the runtime reports that version. Otherwise this takes the least NRI version
  /// that the runtime's own version came with. containerd from 2.2 and CRI-O from 1.34 speak 0.10. Another runtime is
  /// taken for one that ignores our policy. A version before a release does not count as the release: such a runtime
  /// would crash because of an errno, or drop us for an event that it may not know.
  package var features: RuntimeFeatures {
    if let version = RuntimeVersion(nriVersion) {
      return RuntimeFeatures(of: NRIVersion.all.last { RuntimeVersion($0.major, $0.minor, 0) <= version } ?? .oldest)
    }
    let firstWithNRI010: RuntimeVersion? =
      switch runtimeName.lowercased() {
      case "containerd": RuntimeVersion(2, 2, 0)
      case "cri-o", "crio": RuntimeVersion(1, 34, 0)
      default: nil
      }
    guard let firstWithNRI010, let version = RuntimeVersion(runtimeVersion), version >= firstWithNRI010 else {
      return RuntimeFeatures(of: .oldest)
    }
    return RuntimeFeatures(of: NRIVersion(0, 10))
  }
}
