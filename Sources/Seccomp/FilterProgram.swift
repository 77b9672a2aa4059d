import CSeccomp
import Policy

/// A filter as the kernel runs it: classic BPF over `struct seccomp_data`.
package struct FilterProgram: Sendable {
  /// The kernel's BPF_MAXINSNS, without what runc puts before the filter (its ENOSYS stub: at most 15 instructions).
  package static let instructionsMax = 4096 - 32

  let instructions: [sock_filter]

  package var count: Int { instructions.count }

  static func check(length: Int, at location: Location) throws(SeccompError) {
    guard length <= instructionsMax else { throw .tooLong(location, instructions: length) }
  }

  /// Builds the program with libseccomp, by the same calls that runc makes.
  package init(
    _ filter: SeccompFilter, architecture: Architecture, at location: Location
  ) throws(SeccompError) {
    self.init(bytes: try FilterInput(filter, architecture: architecture, at: location).build())
  }

  /// From the kernel's form: `struct sock_filter`, one after the other.
  init(bytes: [UInt8]) {
    let size = MemoryLayout<sock_filter>.stride
    instructions = bytes.withUnsafeBytes { raw in
      (0..<bytes.count / size).map { raw.loadUnaligned(fromByteOffset: $0 * size, as: sock_filter.self) }
    }
  }
}
