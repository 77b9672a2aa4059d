/// What keeps a part of a profile from being enforced for one container, although its node could enforce it.
struct Loss {
  /// Reported if the container is refused for the loss.
  var reason: String
  var isRefused: Bool
  /// Reported if the container is not refused.
  var gaps: [Gap]
  var omission: Assessment.Omission?
}

extension Profile {
  func losses(_ container: ContainerFacts) -> [Loss] {
    [
      filterNotCarried(container), filterMissing(container), processesLeft(container), namespaceShared(container),
      networkFailed(container), failed(container),
    ].compactMap(\.self)
  }

  private var refuses: Bool { failurePolicy == .fail }

  private func filterNotCarried(_ container: ContainerFacts) -> Loss? {
    guard seccomp != nil, let why = container.filterProblem else { return nil }
    // The reason begins with the place.
    let gap = Gap(subject: "seccomp", location: nil, coverage: .none, why: why, remedy: Gap.remedyOfLoss)
    return Loss(reason: why, isRefused: refuses, gaps: [gap])
  }

  private func expectsFilter(_ container: ContainerFacts) -> Bool {
    container.filterWasSent ?? (seccomp != nil && !container.isSandboxed)
  }

  private func filterMissing(_ container: ContainerFacts) -> Loss? {
    guard let process = container.process, !process.hasFilter else { return nil }
    let finding = "process \(process.pid) has no seccomp filter"
    if expectsFilter(container) {
      return Loss(
        reason: finding
          + " although the profile sets one: the runtime ignored it, or another plugin removed it",
        isRefused: refuses && !container.ranBefore,
        gaps: [
          lostFilter(
            "seccomp", finding,
            "see why the runtime ignored it, or which plugin removed it; one that ran before Stockade has to be started anew"
          )
        ])
    }
    guard requireFilter else { return nil }
    return Loss(
      reason: finding + " and the profile says requireFilter: true; give the pod a seccompProfile",
      isRefused: refuses && !container.ranBefore,
      gaps: [lostFilter("requireFilter", finding, "give the pod a seccompProfile")])
  }

  private func lostFilter(_ subject: String, _ why: String, _ remedy: String) -> Gap {
    Gap(subject: subject, location: seccomp?.location, coverage: .none, why: why, remedy: remedy)
  }

  /// Network rules and filters hold every process that is there.
  private func processesLeft(_ container: ContainerFacts) -> Loss? {
    guard let left = container.leftProcesses, hasProcessRules else { return nil }
    let why =
      "left in the container's cgroup by a hook of the runtime: process \(left), which no rule would bind; let the hook "
      + "end what it starts"
    let gap = Gap(
      subject: "process, file and kernel for what hooks left", location: nil, coverage: .none, why: why,
      remedy: Gap.remedyOfLoss)
    return Loss(reason: why, isRefused: refuses && mode != .audit, gaps: [gap])
  }

  private func namespaceShared(_ container: ContainerFacts) -> Loss? {
    guard let process = container.process, process.sharesRuntimeNamespace else { return nil }
    let why =
      "process \(process.pid) shares the runtime's mount namespace, where the container cannot be told from the runtime"
    return Loss(reason: why, isRefused: refuses, gaps: lostProcessRules(why), omission: .processRules)
  }

  /// Nothing is lost if the profile has no network rules.
  private func networkFailed(_ container: ContainerFacts) -> Loss? {
    guard let why = container.networkFailure else { return nil }
    let lost = lostNetworkRules(why)
    if lost.isEmpty { return nil }
    return Loss(reason: why, isRefused: refuses, gaps: lost, omission: .networkRules)
  }

  private func failed(_ container: ContainerFacts) -> Loss? {
    container.failure.map {
      Loss(reason: $0, isRefused: refuses, gaps: lostProcessRules($0) + lostNetworkRules($0))
    }
  }

  private var hasProcessRules: Bool { !lostProcessRules("").isEmpty }

  /// What the profile says of processes: `process`, `file` and `kernel`.
  private func lostProcessRules(_ why: String) -> [Gap] {
    var profile = self
    profile.minimumTier = .none
    return profile.gaps(on: NodeCapabilities(tier: .none)).map { $0.lost(because: why) }
  }

  private func lostNetworkRules(_ why: String) -> [Gap] {
    gaps(on: NodeCapabilities(tier: .lsm, networkProblem: why)).map { $0.lost(because: why) }
  }

  /// The gaps of a container that ran before anything of the profile was in force.
  func gapsOfLateConfinement(_ container: ContainerFacts) -> [Gap] {
    guard container.ranBefore, !container.wasConfined else { return [] }
    func late(_ subject: String, _ location: Location?, _ what: String) -> Gap {
      Gap(
        subject: subject, location: location, coverage: .partial,
        why: "the container ran before it was confined: \(what)", remedy: "start the container anew")
    }
    let rules = late(
      "process, file and kernel for what it did before", nil, "its programs and open files are what they are")
    let filter = late("seccomp", seccomp?.location, "its filter may be another than the profile's")
    let hasFilter = expectsFilter(container) && container.process?.hasFilter == true
    return (hasProcessRules ? [rules] : []) + (hasFilter ? [filter] : [])
  }
}

extension Gap {
  fileprivate static let remedyOfLoss = "with failurePolicy: Fail the container would be refused"

  fileprivate func lost(because why: String) -> Gap {
    Gap(subject: subject, location: location, coverage: .none, why: why, remedy: Self.remedyOfLoss)
  }
}
