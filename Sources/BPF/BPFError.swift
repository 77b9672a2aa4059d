import Glibc
import System

/// What the kernel or a pin folder refused.
package enum BPFError: Error, CustomStringConvertible, Sendable {
  /// An embedded object could not be opened or loaded; `log` is libbpf's and the verifier's own text.
  case load(object: String, code: Int32, log: String)
  /// The embedded object lacks something that the daemon asks it for: the object and the daemon were not built
  /// together.
  case missing(object: String, what: String)
  case system(Errno)
  /// A table of the kernel has no room for one more element.
  case tableFull(map: String, limit: UInt32)
  /// The pin folder is not on a bpf file system.
  case notOnBPFFileSystem(folder: String)
  /// Another process uses the pins.
  case inUse(folder: String)
  /// The shape of a pinned map is not this version's, nor that of an earlier version that this one takes over.
  case layout(map: String, path: String, expected: MapShape, found: MapShape)
  /// The pins are a newer version's.
  case newerLayout(folder: String, found: Int)
  /// Something that enforcement needs is not there.
  case unavailable(String)
  /// The tier's self-test ran and showed that the tier does not enforce.
  case notEnforced(tier: String, reason: String)

  /// The whole error in one line. The verifier's log says at its end what was wrong.
  package var line: String { description.split(separator: "\n").joined(separator: " | ") }

  package var description: String {
    switch self {
    case .load(let object, let code, let log):
      "cannot load the BPF object \(object): \(Errno(code, "").reason)\(log.isEmpty ? "" : ": \(log)")"
    case .missing(let object, let what): "the BPF object \(object) has no \(what): build the daemon anew"
    case .system(let errno): errno.description
    case .tableFull(let map, let limit):
      "the kernel's table \(map) is full: \(limit) elements are all that this node has; \(Self.remedy(fullTable: map))"
    case .notOnBPFFileSystem(let folder):
      "cannot pin under \(folder): it is not on a bpf file system; mount one: mount -t bpf bpf /sys/fs/bpf"
    case .inUse(let folder): "a stockade that runs uses \(folder); end it first"
    case .layout(let map, let path, let expected, let found):
      "cannot use the pinned map \(map) at \(path): expected \(expected), found \(found); \(FormerPins.remedy)"
    case .newerLayout(let folder, let found):
      "the pins in \(folder) have layout \(found), and this Stockade knows layouts up to \(FormerPins.layout): "
        + "start the newer Stockade that made them, or: \(FormerPins.remedy)"
    case .unavailable(let why): why
    case .notEnforced(let tier, let reason): "tier \(tier) does not enforce here: \(reason)"
    }
  }

  /// Whether the same may work later: something was in use, or there was not enough of it.
  package var isPassing: Bool {
    let code: Int32
    switch self {
    case .load(_, let found, _): code = found
    case .system(let errno): code = errno.code
    case .tableFull: return true
    default: return false
    }
    return [ENOMEM, EAGAIN, EINTR, EBUSY, EMFILE, ENFILE].contains(code)
  }

  private static func remedy(fullTable map: String) -> String {
    switch map {
    case "policies", "path_rules", "arguments", "egress4", "egress6", "ingress4", "ingress6":
      "use fewer profiles on this node, or profiles with fewer rules"
    default: "move pods to another node"
    }
  }
}

/// Runs one call of libbpf or the C library, and throws its errno. Both libraries set errno, and libbpf also returns it
/// as a negative number.
@discardableResult
func bpf<Result: FixedWidthInteger & SignedInteger>(
  _ action: @autoclosure () -> String, _ body: () -> Result
) throws(BPFError) -> Result {
  let result = body()
  if result < 0 { throw .system(Errno(errno, action())) }
  return result
}
