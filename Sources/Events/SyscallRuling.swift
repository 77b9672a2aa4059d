import BPF
import System

/// What is known of a call that a seccomp filter may have stopped.
package struct SyscallRuling: Equatable, Sendable {
  /// nil: nobody knows a call of this number.
  package var name: String?
  package var architecture: String
  /// The name of the errno with which the call failed; nil: the call did not fail, or its process got SIGSYS.
  package var error: String?
  /// nil: the filter is not known.
  package var rule: EventRule?
  /// Whether the filter only logs the call.
  package var isAudited = false

  package init(name: String?, architecture: String, error: String? = nil, rule: EventRule?) {
    (self.name, self.architecture, self.error, self.rule) = (name, architecture, error, rule)
  }
}

/// Finds out why a call of a container was stopped; nil: the container's filter lets the call pass, so it is not told.
package typealias SyscallLookUp = @Sendable (CgroupID, KernelEvent.Syscall) -> SyscallRuling?

extension EventRecord {
  /// The call that a seccomp filter stopped.
  package struct Syscall: Equatable, Sendable {
    package var name: String?
    package var number: Int32
    package var architecture: String
    package var arguments: [UInt64]
    package var error: String?

    init(_ call: KernelEvent.Syscall, _ ruling: SyscallRuling) {
      (name, number, architecture) = (ruling.name, call.number, ruling.architecture)
      (arguments, error) = (call.arguments, ruling.error)
    }

    var json: JSON {
      var members: [(String, JSON)] = name.map { [("name", .string($0))] } ?? []
      members += [
        ("number", .integer(Int64(number))), ("architecture", .string(architecture)),
        ("arguments", .array(arguments.map { .string("0x" + String($0, radix: 16)) })),
      ]
      if let error { members.append(("error", .string(error))) }
      return .object(members)
    }
  }
}
