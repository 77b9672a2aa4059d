import Policy

/// Known ways round a filter, reported to the author of a filter. Each is a fact of the kernel that no filter can
/// change.
enum Bypasses {
  /// These calls can also be made by one call of 32-bit x86, whose arguments are in memory. libseccomp drops conditions
  /// there.
  static let multiplexed: [String: [String]] = [
    "socketcall": RuntimeDefaultCalls.words(
      """
      accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmsg send
      sendmmsg sendmsg sendto setsockopt shutdown socket socketpair
      """),
    "ipc": RuntimeDefaultCalls.words(
      "msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget"),
  ]

  /// What a ring can do in place of these calls, without making them.
  static let doneByRings = RuntimeDefaultCalls.words(
    """
    accept accept4 bind close connect fallocate fsync futex linkat listen mkdirat open openat openat2 read recv recvmsg
    renameat2 send sendmsg shutdown socket splice statx symlinkat unlinkat write
    """)

  static func notes(
    _ filter: SeccompFilter, program: FilterProgram, architecture: Architecture, at location: Location
  ) throws(SeccompError) -> [SeccompNote] {
    let defaultDenies = try FilterAction(word: filter.defaultAction, errnoReturn: nil, at: location).denies
    let rules = RulesByCall(filter)
    func passes(_ name: String) -> Bool {
      program.decide(name, on: architecture.ociName).map { !$0.denies } ?? false
    }
    var notes = try wideArguments(filter, defaultDenies: defaultDenies, at: location)
    notes += multiplexedNotes(filter, rules, program: program)
    if let rule = rules["clone"].first(where: { !$0.arguments.isEmpty }), passes("clone3") {
      notes.append(
        SeccompNote(
          rule.location ?? location,
          "the condition on \"clone\" is walked round by clone3, whose flags are in memory; "
            + "deny clone3 with errnoRet 38 (ENOSYS)"))
    }
    if passes("io_uring_setup"), let call = doneByRings.first(where: { !passes($0) && isNamed($0) }) {
      notes.append(
        SeccompNote(
          location,
          "io_uring is allowed, and a ring does what the filter denies (\"\(call)\" for one) "
            + "without making that call; deny io_uring_setup"))
    }
    if filter.flags.contains("SECCOMP_FILTER_FLAG_SPEC_ALLOW") {
      notes.append(
        SeccompNote(
          location, "SECCOMP_FILTER_FLAG_SPEC_ALLOW turns off a mitigation of Spectre for the container"))
    }
    return notes + traceNotes(filter, passesPtrace: passes("ptrace"), at: location)
  }

  private static func isNamed(_ name: String) -> Bool {
    SyscallNames.number(of: name).map { $0 >= 0 } ?? false
  }

  /// In mode Audit the architectures are added instead.
  static func architectureNotes(_ filter: SeccompFilter, _ architecture: Architecture) -> [SeccompNote] {
    let missing = architecture.compatible.filter { !filter.architectures.contains($0) }
    guard !missing.isEmpty else { return [] }
    return [
      SeccompNote(
        nil, "calls of \(missing.joined(separator: " and ")) kill the thread that makes them: not in architectures")
    ]
  }

  /// On a 64-bit ABI all 64 bits are compared. Many calls read only the lower 32 bits of an argument.
  private static func wideArguments(
    _ filter: SeccompFilter, defaultDenies: Bool, at location: Location
  ) throws(SeccompError) -> [SeccompNote] {
    var notes: [SeccompNote] = []
    for rule in filter.syscalls {
      let place = rule.location ?? location
      let denies = try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: place).denies
      // A bit above 31 makes these comparisons true of a denial's complement, or of an allowance.
      let open =
        denies ? ["SCMP_CMP_EQ", "SCMP_CMP_LT", "SCMP_CMP_LE"] : ["SCMP_CMP_NE", "SCMP_CMP_GT", "SCMP_CMP_GE"]
      guard denies != defaultDenies, let argument = rule.arguments.first(where: { open.contains($0.op) }) else {
        continue
      }
      notes.append(
        SeccompNote(
          place,
          "\(argument.op) on argument \(argument.index) compares 64 bits; where the kernel reads only 32, a caller "
            + "gets past it by setting a higher bit; use SCMP_CMP_MASKED_EQ with a mask"))
    }
    return notes
  }

  private static func multiplexedNotes(
    _ filter: SeccompFilter, _ rules: RulesByCall, program: FilterProgram
  ) -> [SeccompNote] {
    guard filter.architectures.contains("SCMP_ARCH_X86") else { return [] }
    return multiplexed.sorted { $0.key < $1.key }.compactMap { multiplexer, calls in
      guard let call = calls.first(where: { rules[$0].contains { !$0.arguments.isEmpty } }),
        let decision = program.decide(multiplexer, on: "SCMP_ARCH_X86", arguments: [1]), !decision.denies
      else { return nil }
      return SeccompNote(
        nil,
        "32-bit programs get past the conditions on \"\(call)\" by \(multiplexer), whose arguments are in memory; "
          + "deny \(multiplexer) with errnoRet 38 (ENOSYS), or leave out SCMP_ARCH_X86")
    }
  }

  private static func traceNotes(
    _ filter: SeccompFilter, passesPtrace: Bool, at location: Location
  ) -> [SeccompNote] {
    let traces = filter.defaultAction == "SCMP_ACT_TRACE" || filter.syscalls.contains { $0.action == "SCMP_ACT_TRACE" }
    guard traces, passesPtrace else { return [] }
    return [
      SeccompNote(
        location,
        "SCMP_ACT_TRACE lets a tracer decide, and with ptrace allowed that may be a process of the "
          + "container's own; use SCMP_ACT_ERRNO")
    ]
  }
}
