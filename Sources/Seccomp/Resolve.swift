import Policy

/// A checked filter, as far as it does not depend on the runtime. `adapt` makes from it what is sent.
package struct ResolvedSeccomp: Equatable, Sendable {
  /// Never empty, and never without effect.
  package var filter: SeccompFilter
  /// Rules that make the filter work better, and that are left out if the runtime takes no errno.
  package var optional: [SeccompFilter.Rule] = []
  /// What was added or is worth knowing.
  package var notes: [SeccompNote] = []
  /// The place of `spec.seccomp`, for messages.
  package var location: Location
  /// Whether a process under the filter cannot open sockets that network rules do not see.
  package var deniesPacketSockets = false
  /// Capabilities that the containers are not taken to have, and with which other rules would hold.
  package var decidingCapabilities: Set<String> = []
  /// What the filter was made from: what its section says, and what the rest of the profile demands. These say why the
  /// filter denies a call.
  var section: SeccompFilter
  var demands: FilterDemands
}

/// Makes from `spec.seccomp` a filter that runc accepts and that starts a container, or says why that is not possible.
///
/// This takes some milliseconds, because libseccomp builds the whole filter. So it is for the loading of a profile, not
/// for each container.
///
/// - Parameters:
///   - profilesFolder: the folder of a `localhostProfile`. The file is never looked for outside this folder.
///   - demands: what the filter denies beside what the section says.
package func resolve(
  _ section: SeccompSection, profilesFolder: String, mode: Mode, demands: FilterDemands = FilterDemands(),
  environment: SeccompEnvironment
) throws(SeccompError) -> ResolvedSeccomp {
  let location = section.location
  let faults = Faults()
  var environment = environment
  environment.capabilities.formUnion(section.addedCapabilities)
  let source = try source(of: section, profilesFolder: profilesFolder)
  var filter = source.resolved(in: environment)
  if section.source == .runtimeDefault {
    for index in filter.syscalls.indices { filter.syscalls[index].location = location }
  }
  FilterCheck.check(filter, at: location, faults)
  try faults.check()
  faults.value { () throws(SeccompError) in try FilterCheck.checkWhole(filter, at: location) }
  faults.value { () throws(SeccompError) in try checkEffect(filter, at: location) }
  var notes = source.notes + source.leftOut(in: environment)
  notes += try unknownToLibrary(filter, at: location, faults)
  try faults.check()

  let written = filter
  let architecture = environment.architecture
  var program = try FilterProgram(filter, architecture: architecture, at: location)
  let contradictions = try Contradictions.find(filter, program: program, architecture: architecture, at: location)
  if case .inline = section.source { faults.add(contradictions, at: location) } else { notes += contradictions }
  try faults.check()
  if demands != FilterDemands() {
    filter = try NarrowedFilter(filter, demands, architecture: architecture, at: location).filter
    program = try FilterProgram(filter, architecture: architecture, at: location)
    notes += demands.notes
  }
  notes += try Bypasses.notes(filter, program: program, architecture: architecture, at: location)
  let completed = try RuntimeInit.complete(
    filter, program: program, architecture: architecture, at: location, faults)
  try faults.check()
  var resolved = ResolvedSeccomp(
    filter: completed.filter, optional: completed.optional, notes: notes + completed.notes, location: location,
    decidingCapabilities: source.decidingCapabilities(in: environment), section: written, demands: demands)
  switch mode {
  case .enforce:
    try resolved.writeDefaultErrno(architecture)
    resolved.notes += Bypasses.architectureNotes(filter, architecture)
    resolved.notes += try ProgramStart.warnings(filter, program: program, architecture: architecture, at: location)
    try resolved.checkWhole(architecture, demands)
  case .audit:
    resolved.becomeAudit(architecture: architecture)
    try resolved.checkWhole(architecture, FilterDemands())
  }
  return resolved
}

/// Everything that is wrong with `spec.seccomp`. If the section is only partial, its words are checked.
package func problems(
  of section: SeccompSection, profilesFolder: String, mode: Mode, demands: FilterDemands = FilterDemands(),
  environment: SeccompEnvironment
) -> [Problem] {
  do {
    if section.isPartial, case .inline(let filter) = section.source {
      let faults = Faults()
      FilterCheck.check(filter, at: section.location, faults, isPartial: true)
      try faults.check()
    } else {
      _ = try resolve(section, profilesFolder: profilesFolder, mode: mode, demands: demands, environment: environment)
    }
    return []
  } catch { return error.problems(elsewhere: section.location) }
}

private func source(
  of section: SeccompSection, profilesFolder: String
) throws(SeccompError) -> ConditionalFilter {
  switch section.source {
  case .runtimeDefault: return RuntimeDefault.filter
  case .localhost(let name):
    return try LocalhostProfile.read(name, folder: profilesFolder, reference: section.location)
  case .inline(let filter):
    return ConditionalFilter(
      defaultAction: filter.defaultAction, defaultErrno: filter.defaultErrno, architectures: filter.architectures,
      flags: filter.flags, rules: filter.syscalls.map { ConditionalFilter.Rule(rule: $0) }, lines: filter.lines)
  }
}

/// An empty filter leaves the container unconfined. A filter that allows everything does no more than an empty one.
private func checkEffect(_ filter: SeccompFilter, at location: Location) throws(SeccompError) {
  func action(_ word: String) throws(SeccompError) -> FilterAction {
    try FilterAction(word: word, errnoReturn: nil, at: location)
  }
  guard try action(filter.defaultAction) == .allow else { return }
  for rule in filter.syscalls where try action(rule.action) != .allow { return }
  throw .refused(
    location,
    "the filter allows every call here, so it confines nothing; deny something, or remove spec.seccomp to keep the "
      + "filter that the pod has")
}

/// Names that this libseccomp does not know are still sent. The runtime's own libseccomp may know them; if it does not,
/// it ignores them. Then the default decides, so the default must not be weaker than the rule.
private func unknownToLibrary(
  _ filter: SeccompFilter, at location: Location, _ faults: Faults
) throws(SeccompError) -> [SeccompNote] {
  let defaultAction = try FilterAction(word: filter.defaultAction, errnoReturn: nil, at: location)
  var names: [String] = []
  for rule in filter.syscalls {
    let place = rule.location ?? location
    let action = try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: place)
    for (index, name) in rule.names.enumerated() where SyscallNames.number(of: name) == nil {
      guard !action.denies || defaultAction.denies else {
        faults.add(
          .refused(
            place.onLine(rule.lines.names, index),
            "\"\(name)\" cannot be denied: libseccomp \(SyscallNames.library) does not know it, and the default allows "
              + "it; use a default that denies, or a newer libseccomp"))
        continue
      }
      if !names.contains(name) { names.append(name) }
    }
  }
  guard !names.isEmpty else { return [] }
  return [
    SeccompNote(
      nil,
      "\(filter.defaultAction) decides these calls where the runtime's libseccomp does not know them, as "
        + "\(SyscallNames.library) does not: \(names.joined(separator: " "))")
  ]
}

extension Faults {
  fileprivate func add(_ contradictions: [SeccompNote], at location: Location) {
    for found in contradictions { add(.refused(found.location ?? location, found.text)) }
  }
}

extension ResolvedSeccomp {
  /// Builds the filter as large as it is ever sent: what libseccomp would refuse at a container's start is refused now.
  fileprivate mutating func checkWhole(
    _ architecture: Architecture, _ demands: FilterDemands
  ) throws(SeccompError) {
    var whole = filter
    whole.syscalls += optional
    whole.defaultErrno = nil
    let sent = try FilterProgram(whole, architecture: architecture, at: location)
    try FilterProgram.check(length: sent.count, at: location)
    deniesPacketSockets = sent.deniesPacketSockets(on: architecture)
    guard let breach = demands.breach(of: sent, on: architecture) else { return }
    throw .refused(
      location,
      "the filter lets \(breach) pass, which the profile's kernel section denies: the filter's own rules about this call "
        + "cannot be joined with that; give them conditions on its first argument alone")
  }

  /// `filter.defaultErrno` stays, as what the rules were made from.
  fileprivate mutating func writeDefaultErrno(_ architecture: Architecture) throws(SeccompError) {
    var whole = filter
    // A default errno reaches the same runtimes as the rules that are optional for the sake of theirs.
    whole.syscalls += optional
    guard let written = try WrittenDefault(whole, architecture: architecture, at: location)?.written() else { return }
    let errno = filter.defaultErrno
    filter = written.filter
    filter.defaultErrno = errno
    optional = []
    notes += written.notes
  }

  /// Nothing is denied any more: what would be denied is logged.
  fileprivate mutating func becomeAudit(architecture: Architecture) {
    func logged(_ word: String) -> String { word == "SCMP_ACT_ALLOW" ? word : "SCMP_ACT_LOG" }
    filter.defaultAction = logged(filter.defaultAction)
    filter.defaultErrno = nil
    optional = []
    for index in filter.syscalls.indices {
      filter.syscalls[index].action = logged(filter.syscalls[index].action)
      filter.syscalls[index].errnoReturn = nil
    }
    notes.append(
      SeccompNote(
        nil, "mode Audit: what the filter denies is logged by the kernel (audit records of type 1326) and allowed"))
    let missing = ([architecture.ociName] + architecture.compatible).filter { !filter.architectures.contains($0) }
    guard !missing.isEmpty else { return }
    // A call of an architecture that is missing kills the thread that makes it.
    filter.architectures += missing
    notes.append(
      SeccompNote(nil, "mode Audit: added \(missing.joined(separator: " ")), so that their calls are logged too"))
  }
}
