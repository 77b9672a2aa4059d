import Glibc
import Policy

/// The calls that runc's init still makes when the filter is loaded: until its execve, init runs under the filter. A
/// filter that denies one of these calls starts no container. Seen with runc 1.1 to 1.4.
enum RuntimeInit {
  /// Calls in every container. The second half leaves room for Go's runtime.
  static let always = RuntimeDefaultCalls.words(
    """
    close epoll_pwait execve fcntl fstat fstatfs futex getdents64 getpid nanosleep openat openat2 rt_sigreturn statx
    tgkill write
    exit exit_group gettid madvise mmap mprotect munmap rt_sigaction rt_sigprocmask sched_yield sigaltstack
    """)

  /// Calls only without no_new_privs: then the filter is loaded earlier, before the user is changed.
  static let withoutNoNewPrivileges = RuntimeDefaultCalls.words(
    """
    capget capset chdir close_range epoll_ctl faccessat2 getcwd getppid newfstatat prctl read setgid setgroups setuid
    """)

  struct Result {
    var filter: SeccompFilter
    /// Rules that make the filter better, and that need an errno other than EPERM.
    var optional: [SeccompFilter.Rule] = []
    var notes: [SeccompNote] = []
  }

  /// Adds the calls that the filter denies only by its default. A call that the filter denies by its own rule stays
  /// denied.
  static func complete(
    _ filter: SeccompFilter, program: FilterProgram, architecture: Architecture, at location: Location,
    _ faults: Faults
  ) throws(SeccompError) -> Result {
    var result = Result(filter: filter)
    guard
      try FilterAction(word: filter.defaultAction, errnoReturn: nil, at: location).denies || !filter.syscalls.isEmpty
    else { return result }
    let rules = RulesByCall(filter)
    var added = try missing(from: always, rules, at: location, faults, notes: &result.notes)
    added += try missing(from: withoutNoNewPrivileges, rules, at: location, nil, notes: &result.notes)
    if !added.isEmpty {
      result.filter.syscalls.append(SeccompFilter.Rule(names: added, action: "SCMP_ACT_ALLOW"))
      result.notes.append(
        SeccompNote(nil, "added for the runtime's init, which runs under the filter: \(added.joined(separator: " "))"))
    }
    try addThreads(&result, rules, program: program, architecture: architecture, at: location)
    return result
  }

  /// - Parameter faults: takes the rules that deny one of the calls; nil: the calls are not always needed.
  private static func missing(
    from calls: [String], _ rules: RulesByCall, at location: Location, _ faults: Faults?, notes: inout [SeccompNote]
  ) throws(SeccompError) -> [String] {
    var missing: [String] = []
    for call in calls {
      switch try rules.treatment(of: call, at: location) {
      case .passes: continue
      case .deniedByDefault: missing.append(call)
      case .deniedByRule(let place):
        guard let faults else {
          notes.append(
            SeccompNote(
              place, "\"\(call)\" is denied, so only a container with allowPrivilegeEscalation: false starts"))
          continue
        }
        faults.add(
          .refused(
            place,
            "the rule denies \"\(call)\", which the runtime's init needs after it has loaded the filter: "
              + "no container would start; remove the call from the rule"))
      case .conditional(let place):
        notes.append(
          SeccompNote(
            place,
            "\"\(call)\" has conditions; the runtime's init makes this call too, "
              + "and a container whose conditions do not cover it does not start"))
      }
    }
    return missing
  }

  /// Adds what a new thread of the runtime needs: `clone` of this kind only, and a `clone3` that says it does not
  /// exist.
  private static func addThreads(
    _ result: inout Result, _ rules: RulesByCall, program: FilterProgram, architecture: Architecture,
    at location: Location
  ) throws(SeccompError) {
    let threads = [CloneFlags.goThread, CloneFlags.glibcThread].map {
      program.decide("clone", on: architecture.ociName, arguments: [$0])
    }
    if threads.contains(where: { $0?.denies == true }) {
      if let place = try rules.denyingRule(of: "clone", at: location) {
        result.notes.append(
          SeccompNote(place, "\"clone\" is denied; if the runtime's init needs a thread, it does not start"))
      } else {
        var rule = SeccompFilter.Rule(names: ["clone"], action: "SCMP_ACT_ALLOW")
        rule.arguments = [
          .init(
            index: 0, value: CloneFlags.thread | CloneFlags.newNamespaces, valueTwo: CloneFlags.thread,
            op: "SCMP_CMP_MASKED_EQ")
        ]
        result.filter.syscalls.append(rule)
        result.notes.append(SeccompNote(nil, "added for the runtime's init: clone, for threads only"))
      }
    }
    guard let answer = program.decide("clone3", on: architecture.ociName), answer.denies,
      answer != .errno(UInt16(ENOSYS))
    else { return }
    if let place = try rules.denyingRule(of: "clone3", at: location) {
      result.notes.append(
        SeccompNote(
          place,
          "\"clone3\" is denied with something else than errno \(ENOSYS) (ENOSYS); "
            + "programs with glibc 2.34 and newer, the runtime's init too, then make no threads"))
    } else {
      var rule = SeccompFilter.Rule(names: ["clone3"], action: "SCMP_ACT_ERRNO")
      rule.errnoReturn = UInt32(ENOSYS)
      result.optional.append(rule)
    }
  }
}

/// What a filter's rules say of each call.
struct RulesByCall {
  enum Treatment: Equatable {
    case passes, deniedByDefault
    case deniedByRule(Location)
    case conditional(Location)
  }

  private let defaultAction: String
  private var rules: [String: [SeccompFilter.Rule]] = [:]

  init(_ filter: SeccompFilter) {
    defaultAction = filter.defaultAction
    for rule in filter.syscalls {
      for name in rule.names { rules[name, default: []].append(rule) }
    }
  }

  subscript(name: String) -> [SeccompFilter.Rule] { rules[name] ?? [] }

  func treatment(of name: String, at location: Location) throws(SeccompError) -> Treatment {
    // An unconditional rule decides, whatever other rules there are, and the first of several.
    if let rule = self[name].first(where: \.arguments.isEmpty) {
      return try denies(rule, at: location) ? .deniedByRule(rule.location ?? location) : .passes
    }
    if let rule = self[name].first { return .conditional(rule.location ?? location) }
    return try FilterAction(word: defaultAction, errnoReturn: nil, at: location).denies ? .deniedByDefault : .passes
  }

  func denyingRule(of name: String, at location: Location) throws(SeccompError) -> Location? {
    for rule in self[name] where try denies(rule, at: location) { return rule.location ?? location }
    return nil
  }

  private func denies(_ rule: SeccompFilter.Rule, at location: Location) throws(SeccompError) -> Bool {
    try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: location).denies
  }
}
