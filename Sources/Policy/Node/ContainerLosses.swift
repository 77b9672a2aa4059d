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
  func losses(_ container: ContainerFacts, on node: NodeCapabilities) -> [Loss] {
    let ofFilter = [filterNotCarried(container), filterOfPodKept(container), filterMissing(container)]
    let others = [
      processesLeft(container), namespaceShared(container), linksUnknown(container), networkFailed(container),
      failed(container),
    ]
    return ofFilter.compactMap(\.self).map { withRulesOfFilter($0, on: node) } + others.compactMap(\.self)
  }

  /// Without its filter, the profile also loses what of `kernel` the filter enforces.
  private func withRulesOfFilter(_ loss: Loss, on node: NodeCapabilities) -> Loss {
    var loss = loss
    if seccomp != nil {
      loss.gaps += gapsWithoutFilter(on: node).map { gap in
        Gap(
          subject: gap.subject, location: gap.location, coverage: gap.coverage,
          why: "the container does not have the profile's filter, which enforces it", remedy: Gap.remedyOfLoss)
      }
    }
    return loss
  }

  private var refuses: Bool { failurePolicy == .fail }

  private func filterNotCarried(_ container: ContainerFacts) -> Loss? {
    guard seccomp != nil, let why = container.filterProblem else { return nil }
    // The reason begins with the place.
    let gap = Gap(subject: "seccomp", location: nil, coverage: .none, why: why, remedy: Gap.remedyOfLoss)
    return Loss(reason: why, isRefused: refuses, gaps: [gap])
  }

  private func filterOfPodKept(_ container: ContainerFacts) -> Loss? {
    // A filter that was sent is the container's, also if the profile's text would not send it any more.
    guard keepsPodFilter(container), !container.isSandboxed, container.filterWasSent != true else { return nil }
    let why = "the pod brings a seccomp profile of its own, \(container.podFilter)"
    let remedy = "use a profile without spec.seccomp, or set seccomp.replacesPod: true"
    return Loss(
      reason: "\(why), which spec.seccomp would replace; \(remedy)", isRefused: refuses && !container.ranBefore,
      gaps: [lostFilter("seccomp", why, remedy)])
  }

  private func expectsFilter(_ container: ContainerFacts) -> Bool {
    container.filterWasSent ?? (seccomp != nil && !container.isSandboxed && !keepsPodFilter(container))
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

  /// A rule whose path has no link holds all the same.
  private func linksUnknown(_ container: ContainerFacts) -> Loss? {
    guard let problem = container.linksProblem, hasPathRules else { return nil }
    let why = "links in the container cannot be followed: \(problem); name the paths to which links lead"
    let gap = Gap(
      subject: "process and file rules by links", location: nil, coverage: .partial, why: why,
      remedy: Gap.remedyOfLoss)
    return Loss(reason: why, isRefused: refuses && mode != .audit && !container.ranBefore, gaps: [gap])
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

  private var hasPathRules: Bool { process?.rules.isEmpty == false || fileAccess?.rules.isEmpty == false }

  private var hasProcessRules: Bool { !lostProcessRules("").isEmpty }

  /// What the profile says of processes: `process`, `file` and `kernel`.
  private func lostProcessRules(_ why: String) -> [Gap] {
    var profile = self
    profile.minimumTier = .none
    return profile.gaps(on: NodeCapabilities(tier: .none)).map { $0.lost(because: why) }
  }

  private func lostNetworkRules(_ why: String) -> [Gap] {
    networkGaps(NodeCapabilities(tier: .lsm, networkProblem: why)).map { $0.lost(because: why) }
  }

  /// What of `kernel` the filter of a container that runs may not enforce. Its filter is the one with which it started.
  func gapsOfOlderFilter(on node: NodeCapabilities, of container: ContainerFacts) -> [Gap] {
    guard seccomp != nil, container.filterMayBeOlder, !container.isSandboxed else { return [] }
    return gapsWithoutFilter(on: node).map { gap in
      Gap(
        subject: gap.subject, location: gap.location, coverage: .partial,
        why: "the container's filter may be older than the profile's text, and only a newer one enforces all of it",
        remedy: "start the container anew")
    }
  }

  /// What a filter is to enforce of `kernel`.
  package func asksSame(ofFilter other: Profile) -> Bool {
    kernelBlock.contains(.executableMemory) == other.kernelBlock.contains(.executableMemory)
      && socketFamilies == other.socketFamilies
  }

  /// The gaps of a container that ran before anything of the profile was in force.
  func gapsOfLateConfinement(_ container: ContainerFacts) -> [Gap] {
    guard container.ranBefore else { return [] }
    func late(_ subject: String, _ location: Location?, _ what: String) -> Gap {
      Gap(
        subject: subject, location: location, coverage: .partial,
        why: "the container ran before it was confined: \(what)", remedy: "start the container anew")
    }
    let mounts = Gap(
      subject: "paths outside of the image", location: nil, coverage: .partial,
      why: "the container ran before its mounts were noted: whoever may mount in it can change these paths",
      remedy: "start the container anew")
    let unnoted = container.mountsAreKnown == false && hasPathRules ? [mounts] : []
    if container.wasConfined { return unnoted }
    let rules = late(
      "process, file and kernel for what it did before", nil, "its programs and open files are what they are")
    let filter = late("seccomp", seccomp?.location, "its filter may be another than the profile's")
    let hasFilter = expectsFilter(container) && container.process?.hasFilter == true
    return (hasProcessRules ? [rules] : []) + (hasFilter ? [filter] : []) + unnoted
  }
}

extension Gap {
  fileprivate static let remedyOfLoss = "with failurePolicy: Fail the container would be refused"

  fileprivate func lost(because why: String) -> Gap {
    Gap(subject: subject, location: location, coverage: .none, why: why, remedy: Self.remedyOfLoss)
  }
}
