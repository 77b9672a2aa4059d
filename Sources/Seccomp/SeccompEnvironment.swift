import Glibc
import System

/// What decides the conditions of a filter.
package struct SeccompEnvironment: Equatable, Sendable {
  /// The capabilities of the container's bounding set, as `CAP_SYS_ADMIN`.
  package var capabilities: Set<String>
  package var architecture: Architecture
  package var kernel: KernelVersion

  package init(capabilities: Set<String> = defaultCapabilities, architecture: Architecture, kernel: KernelVersion) {
    self.capabilities = capabilities
    self.architecture = architecture
    self.kernel = kernel
  }

  /// NRI does not report a container's capabilities. With these, a filter is at most too strict for the container.
  package static let defaultCapabilities = Set(Capabilities.containerDefault)

  /// This machine, for a container with `capabilities`. uname(2).
  package static func thisNode(
    capabilities: Set<String> = defaultCapabilities
  ) throws(SeccompError) -> SeccompEnvironment {
    var name = utsname()
    uname(&name)
    let machine = text(of: name.machine)
    let release = text(of: name.release)
    guard let architecture = Architecture(rawValue: machine) else {
      throw .unsupportedNode("cannot make seccomp filters for \(machine): only x86_64 and aarch64 are supported")
    }
    guard let kernel = KernelVersion(release: release) else {
      throw .unsupportedNode("cannot tell the kernel's version from its release \"\(release)\"")
    }
    return SeccompEnvironment(capabilities: capabilities, architecture: architecture, kernel: kernel)
  }

  private static func text<Characters>(of field: Characters) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

/// The node's architecture, in uname's words.
package enum Architecture: String, CaseIterable, Sendable {
  case x86_64, aarch64

  package var ociName: String { self == .x86_64 ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64" }

  /// Docker's word in `includes.arches`, which is Go's word.
  package var goName: String { self == .x86_64 ? "amd64" : "arm64" }

  /// The other ABIs by which a process on such a node can make calls.
  package var compatible: [String] { self == .x86_64 ? ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] : ["SCMP_ARCH_ARM"] }
}

package struct KernelVersion: Comparable, Sendable {
  package var major: Int
  package var minor: Int

  package init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// From uname's release: `6.1.0-13-amd64`.
  package init?(release: String) {
    let numbers = release.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard numbers.count >= 2, let major = Int(numbers[0]),
      let minor = Int(numbers[1].prefix { $0.isASCII && $0.isNumber })
    else { return nil }
    self.init(major, minor)
  }

  /// From a condition: `4.8`, two numbers and no more.
  package init?(condition: String) {
    let numbers = condition.split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 2, let major = UInt8(numbers[0]), let minor = UInt8(numbers[1]), major > 0 else {
      return nil
    }
    self.init(Int(major), Int(minor))
  }

  package static func < (a: KernelVersion, b: KernelVersion) -> Bool {
    (a.major, a.minor) < (b.major, b.minor)
  }
}
