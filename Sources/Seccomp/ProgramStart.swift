import Policy

/// Filters under which the runtime's init works, but no program that it starts.
enum ProgramStart {
  /// ARCH_SET_FS, by which a program of C or Go sets up its first thread's variables.
  private static let setThreadPointer: UInt64 = 0x1002

  static func warnings(
    _ filter: SeccompFilter, program: FilterProgram, architecture: Architecture, at location: Location
  ) throws(SeccompError) -> [SeccompNote] {
    guard architecture == .x86_64,
      program.decide("arch_prctl", on: architecture.ociName, arguments: [setThreadPointer])?.denies == true
    else { return [] }
    let place = try RulesByCall(filter).denyingRule(of: "arch_prctl", at: location) ?? location
    var note = SeccompNote(
      place, "\"arch_prctl\" is denied, and nearly every program needs it to start: it ends at once; allow the call")
    note.isWarning = true
    return [note]
  }
}
