import Policy

/// What of a profile's `kernel` section its filter has to enforce too: the better tiers have no hook for it, or the
/// lesser tiers have no hooks at all.
package struct FilterDemands: Equatable, Sendable {
  /// For `executableMemory`: READ_IMPLIES_EXEC, under which brk(2) gives executable memory.
  package var deniesImpliedCode = false
  /// For `kernel.sockets`: the families of which sockets may be made; nil: all of them.
  package var families: Set<SocketFamily>?

  package init() {}

  package init(of profile: Profile) {
    deniesImpliedCode = profile.kernelBlock.contains(.executableMemory)
    families = profile.socketFamilies
  }

  /// READ_IMPLIES_EXEC of personality(2).
  static let impliedCode: UInt64 = 0x40_0000
  /// What personality(2) takes for a question: it changes nothing then.
  static let question: UInt64 = 0xffff_ffff
  /// These make sockets.
  static let socketCalls = ["socket", "socketpair"]
  /// A ring makes sockets without these calls.
  static let ringCalls = ["io_uring_setup", "io_uring_enter", "io_uring_register"]

  /// The families that are denied under the name of others too.
  var hidden: [HiddenFamily] { HiddenFamily.all.filter { families?.contains($0.family) == false } }
}

extension FilterDemands {
  /// What is worth knowing of the filter.
  var notes: [SeccompNote] {
    let code = SeccompNote(
      nil,
      "kernel.block executableMemory: personality with READ_IMPLIES_EXEC is denied, since brk would give "
        + "executable memory")
    let sockets = SeccompNote(
      nil,
      "kernel.sockets: socket and socketpair of other families are denied, and so are io_uring and the calls of "
        + "other architectures, by which sockets are made too")
    return (deniesImpliedCode ? [code] : []) + (families == nil ? [] : [sockets])
  }

  /// What the finished program lets through all the same, for messages; nil: nothing.
  func breach(of program: FilterProgram, on architecture: Architecture) -> String? {
    let architectures = [architecture.ociName] + architecture.compatible
    func passes(_ call: String, _ arguments: [UInt64]) -> Bool {
      architectures.contains { program.decide(call, on: $0, arguments: arguments)?.stops == false }
    }
    if deniesImpliedCode, Self.implying.contains(where: { passes("personality", [$0]) }) {
      return "personality with READ_IMPLIES_EXEC"
    }
    guard let families else { return nil }
    if let call = Self.ringCalls.first(where: { passes($0, [1]) }) { return call }
    for call in Self.socketCalls {
      for number in 0...UInt64(BitPattern.coverMax) where !families.contains(where: { $0.rawValue == number }) {
        if Self.sockets(number).contains(where: { passes(call, $0) }) { return "\(call) of family \(number)" }
      }
      for family in hidden where Self.sockets(family).contains(where: { passes(call, $0) }) {
        return "\(call) of family \(family.family.name)"
      }
    }
    return nil
  }

  /// The kernel reads 32 bits of each argument.
  private static func sockets(_ family: UInt64) -> [[UInt64]] {
    [0, UInt64(1) << 32].flatMap { high in
      [UInt64(1), 2, 3, 5].flatMap { type in [0, 6, 0x300].map { [family | high, type, $0] } }
    }
  }

  private static func sockets(_ hidden: HiddenFamily) -> [[UInt64]] {
    hidden.names.flatMap { name in
      sockets(name).flatMap { arguments in
        hidden.examples.map { example in
          var arguments = arguments
          arguments[Int(hidden.argument)] = example
          return arguments
        }
      }
    }
  }

  private static let implying: [UInt64] = [0, UInt64(1) << 32].flatMap { high in
    (0..<32 as Range<UInt64>).map { high | impliedCode | 1 << $0 }
      + (0..<32 as Range<UInt64>).map { high | question & ~(1 << $0) }.filter { $0 & impliedCode != 0 }
  }
}

extension FilterAction {
  /// Whether the call is never made. A tracer, which may be the container's own, can let a call pass.
  var stops: Bool {
    if case .trace = self { return false }
    return denies
  }
}
