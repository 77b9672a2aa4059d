import Policy

/// A filter as Docker's and containerd's default profiles write it: rules depend on the node and the container.
struct ConditionalFilter: Equatable {
  struct Conditions: Equatable {
    var capabilities: [String] = []
    /// Go's words: `amd64`.
    var architectures: [String] = []
    var minimumKernel: KernelVersion?
  }

  struct Rule: Equatable {
    var rule: SeccompFilter.Rule
    /// All of these must hold: every capability, one of the architectures, the kernel.
    var includes = Conditions()
    /// None of these may hold.
    var excludes = Conditions()
  }

  struct ArchitectureRow: Equatable {
    var architecture: String
    var compatible: [String]
  }

  var defaultAction: String
  var defaultErrno: UInt32?
  var architectures: [String] = []
  /// The row of the node's architecture is used in place of `architectures`.
  var architectureMap: [ArchitectureRow] = []
  var flags: [String] = []
  var rules: [Rule] = []
  /// The lines of an inline filter.
  var lines = SeccompFilter.Lines()
  /// What its reader left out of it.
  var notes: [SeccompNote] = []

  /// The filter for one environment.
  func resolved(in environment: SeccompEnvironment) -> SeccompFilter {
    var filter = SeccompFilter(defaultAction: defaultAction)
    filter.defaultErrno = defaultErrno
    filter.architectures = architectures
    if let row = architectureMap.first(where: { $0.architecture == environment.architecture.ociName }) {
      filter.architectures = [row.architecture] + row.compatible
    }
    filter.flags = flags
    filter.lines = lines
    filter.syscalls = rules.filter { $0.applies(in: environment) }.map(\.rule)
    return filter
  }
}

extension ConditionalFilter {
  /// The capabilities that the environment does not have, and with which other rules would hold.
  func decidingCapabilities(in environment: SeccompEnvironment) -> Set<String> {
    Set(rules.flatMap { rule in rule.capabilities.filter { rule.isDecided(by: $0, in: environment) } })
  }

  /// The rules of a file that hold only with a capability that the environment does not have.
  func leftOut(in environment: SeccompEnvironment) -> [SeccompNote] {
    var (lines, first): ([String: [String]], Location?) = ([:], nil)
    for rule in rules {
      guard let location = rule.rule.location, !rule.applies(in: environment) else { continue }
      for capability in rule.includes.capabilities where rule.isDecided(by: capability, in: environment) {
        lines[capability, default: []].append("\(location.line)")
        first = first ?? location
      }
    }
    guard let first else { return [] }
    let rules = lines.sorted { $0.key < $1.key }.map { "\($0.key) (line \($0.value.joined(separator: ", ")))" }
    return [
      SeccompNote(
        first,
        "left out are the rules for \(rules.joined(separator: ", ")): NRI does not tell a container's capabilities; "
          + "if the containers have these, name them in spec.seccomp.addedCapabilities")
    ]
  }
}

extension ConditionalFilter.Rule {
  func applies(in environment: SeccompEnvironment) -> Bool {
    includes.holdEntirely(in: environment) && !excludes.holdPartly(in: environment)
  }

  var capabilities: [String] { includes.capabilities + excludes.capabilities }

  /// Whether a capability that the environment does not have changes if the rule applies. The others that it asks for
  /// count as there.
  func isDecided(by capability: String, in environment: SeccompEnvironment) -> Bool {
    guard !environment.capabilities.contains(capability) else { return false }
    var without = environment
    without.capabilities.formUnion(includes.capabilities.filter { $0 != capability })
    var with = without
    with.capabilities.insert(capability)
    return applies(in: with) != applies(in: without)
  }
}

extension ConditionalFilter.Conditions {
  func holdEntirely(in environment: SeccompEnvironment) -> Bool {
    environment.capabilities.isSuperset(of: capabilities)
      && (architectures.isEmpty || architectures.contains(environment.architecture.goName))
      && minimumKernel.map { environment.kernel >= $0 } != false
  }

  func holdPartly(in environment: SeccompEnvironment) -> Bool {
    !environment.capabilities.isDisjoint(with: capabilities)
      || architectures.contains(environment.architecture.goName)
      || minimumKernel.map { environment.kernel >= $0 } == true
  }
}
