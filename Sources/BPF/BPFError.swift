import Glibc
import System

/// What the kernel or a pin folder refused.
package enum BPFError: Error, CustomStringConvertible, Sendable {
  /// An embedded object could not be opened or loaded; `log` is libbpf's and the verifier's own text.
  case load(object: String, code: Int32, log: String)
  /// The embedded object lacks something that the daemon asks it for: the two were not built together.
  case missing(object: String, what: String)
  case system(Errno)
  /// The pin folder is not on a bpf file system.
  case notOnBPFFileSystem(folder: String)
  /// A pinned map has other sizes than this version's.
  case layout(map: String, path: String, expected: String, found: String)
  /// What enforcement needs is not there.
  case unavailable(String)
  /// The tier's self-test ran and showed that the tier does not enforce.
  case notEnforced(tier: String, reason: String)

  package var description: String {
    switch self {
    case .load(let object, let code, let log):
      "cannot load the BPF object \(object): \(Errno(code, "").reason)\(log.isEmpty ? "" : ": \(log)")"
    case .missing(let object, let what): "the BPF object \(object) has no \(what): build the daemon anew"
    case .system(let errno): errno.description
    case .notOnBPFFileSystem(let folder):
      "cannot pin under \(folder): it is not on a bpf file system; mount one: mount -t bpf bpf /sys/fs/bpf"
    case .layout(let map, let path, let expected, let found):
      "cannot use the pinned map \(map) at \(path): expected \(expected), found \(found); remove its folder"
    case .unavailable(let why): why
    case .notEnforced(let tier, let reason): "tier \(tier) does not enforce here: \(reason)"
    }
  }
}

/// Runs one call of libbpf or the C library and throws its errno. Both set errno; libbpf returns its negative.
@discardableResult
func bpf<Result: FixedWidthInteger & SignedInteger>(
  _ action: @autoclosure () -> String, _ body: () -> Result
) throws(BPFError) -> Result {
  let result = body()
  if result < 0 { throw .system(Errno(errno, action())) }
  return result
}
