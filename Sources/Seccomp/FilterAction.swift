import CSeccomp
import Glibc
import Policy

/// What the kernel does with a call, as runc derives it from OCI's words.
package enum FilterAction: Hashable, Sendable {
  case killProcess, killThread, trap
  case errno(UInt16)
  case trace(UInt16)
  case log, allow

  /// libseccomp takes errno values below the kernel's MAX_ERRNO (4095).
  static let errnoMax: UInt32 = 4094
  /// The data of a TRACE event has 16 bits.
  static let traceMax: UInt32 = 0xffff
  /// runc's value if `errnoRet` is absent.
  static let errnoDefault = UInt16(EPERM)

  static let words = [
    "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE", "SCMP_ACT_LOG", "SCMP_ACT_ALLOW",
  ]

  static let wordsWithErrno = ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"]

  init(word: String, errnoReturn: UInt32?, at location: Location) throws(SeccompError) {
    self = try Self.withoutErrno(word, at: location)
    guard let errnoReturn else { return }
    switch self {
    case .errno:
      try Self.check(errnoReturn, max: Self.errnoMax, word: word, at: location)
      self = .errno(UInt16(errnoReturn))
    case .trace:
      try Self.check(errnoReturn, max: Self.traceMax, word: word, at: location)
      self = .trace(UInt16(errnoReturn))
    default:
      throw .refused(location, "\(word) takes no errno (found \(errnoReturn)); remove it, or use SCMP_ACT_ERRNO")
    }
  }

  private static func withoutErrno(_ word: String, at location: Location) throws(SeccompError) -> FilterAction {
    switch word {
    case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .killThread
    case "SCMP_ACT_KILL_PROCESS": return .killProcess
    case "SCMP_ACT_TRAP": return .trap
    case "SCMP_ACT_ERRNO": return .errno(errnoDefault)
    case "SCMP_ACT_TRACE": return .trace(errnoDefault)
    case "SCMP_ACT_LOG": return .log
    case "SCMP_ACT_ALLOW": return .allow
    case "SCMP_ACT_NOTIFY":
      throw .refused(
        location,
        "SCMP_ACT_NOTIFY needs a listener that answers each call, and there is none; use SCMP_ACT_ERRNO or SCMP_ACT_LOG"
      )
    default:
      throw FilterWords.unknown(word, in: words, what: "action", at: location)
    }
  }

  private static func check(_ value: UInt32, max: UInt32, word: String, at location: Location) throws(SeccompError) {
    guard value <= max else { throw .refused(location, "errno \(value) of \(word) is out of range: 0 to \(max)") }
  }

  /// The kernel's return value of a filter (SECCOMP_RET_*).
  var value: UInt32 {
    switch self {
    case .killProcess: UInt32(SCMP_ACT_KILL_PROCESS)
    case .killThread: UInt32(SCMP_ACT_KILL_THREAD)
    case .trap: UInt32(SCMP_ACT_TRAP)
    case .errno(let number): UInt32(SECCOMP_RET_ERRNO) | UInt32(number)
    case .trace(let data): UInt32(SECCOMP_RET_TRACE) | UInt32(data)
    case .log: UInt32(SCMP_ACT_LOG)
    case .allow: UInt32(SCMP_ACT_ALLOW)
    }
  }

  init?(value: UInt32) {
    let data = UInt16(truncatingIfNeeded: value)
    switch value & UInt32(SECCOMP_RET_ACTION_FULL) {
    case UInt32(SCMP_ACT_KILL_PROCESS): self = .killProcess
    case UInt32(SCMP_ACT_KILL_THREAD): self = .killThread
    case UInt32(SCMP_ACT_TRAP): self = .trap
    case UInt32(SECCOMP_RET_ERRNO): self = .errno(data)
    case UInt32(SECCOMP_RET_TRACE): self = .trace(data)
    case UInt32(SCMP_ACT_LOG): self = .log
    case UInt32(SCMP_ACT_ALLOW): self = .allow
    default: return nil
    }
  }

  /// What is passed beside the action.
  var errno: UInt16? {
    switch self {
    case .errno(let number), .trace(let number): number
    default: nil
    }
  }

  /// Whether the call is not executed. TRACE counts: without a tracer the kernel answers ENOSYS.
  package var denies: Bool { self != .log && self != .allow }

  /// The kernel's own precedence between filters: the stricter of two wins.
  package var strictness: Int {
    switch self {
    case .killProcess: 6
    case .killThread: 5
    case .trap: 4
    case .errno: 3
    case .trace: 2
    case .log: 1
    case .allow: 0
    }
  }
}
