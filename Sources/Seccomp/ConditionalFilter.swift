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

extension ConditionalFilter.Rule {
  func applies(in environment: SeccompEnvironment) -> Bool {
    includes.holdEntirely(in: environment) && !excludes.holdPartly(in: environment)
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
