extension Profile {
  /// Everything in the profile that a node with these capabilities cannot enforce. `seccomp` is not in it: the
  /// runtime's version decides about that.
  ///
  /// Only what denies or audits counts: an Allow is never left unenforced.
  func gaps(on node: NodeCapabilities) -> [Gap] {
    tierFloor(node) + processGaps(node) + fileGaps(node) + networkGaps(node) + kernelGaps(node)
  }

  /// What cannot be enforced if the container's root is no overlay: nothing tells files of the image from new ones.
  func gapsWithoutOverlayRoot() -> [Gap] {
    guard let process = applyingMode().process else { return [] }
    guard process.newExecutables != .allow else { return [] }
    return [
      Gap(
        subject: "process.newExecutables \(process.newExecutables.name)", coverage: .none,
        why: "the container's root is no overlay, so its image's files cannot be told from new ones",
        remedy: "use the overlayfs snapshotter, or set newExecutables: Allow")
    ]
  }

  /// The gap of a container that the node's kernel does not see.
  func gapOfSandboxed(runtimeHandler: String) -> Gap {
    Gap(
      subject: "the whole profile", coverage: .none,
      why: "the pod's runtime handler \"\(runtimeHandler)\" runs containers where this node's kernel does not see them",
      remedy: "use another runtime class, or choose no profile for the pod")
  }

  private func tierFloor(_ node: NodeCapabilities) -> [Gap] {
    guard node.tier < minimumTier else { return [] }
    return [
      Gap(
        subject: "minimumTier \(minimumTier.name)", coverage: .none, why: node.tierSentence,
        remedy: "lower minimumTier (docs/tiers.md)")
    ]
  }

  private func fileGaps(_ node: NodeCapabilities) -> [Gap] {
    guard node.tier < .fmodRet, let section = applyingMode().fileAccess else { return [] }
    return section.restrictions.map { $0.gap(.none, node.needs("fmod_ret or lsm"), Self.betterTier) }
  }

  private func kernelGaps(_ node: NodeCapabilities) -> [Gap] {
    let needingFilter = seccomp == nil ? gapsWithoutFilter(on: node) : []
    guard node.tier < .fmodRet else { return needingFilter }
    // The default of otherContainers is no rule of the profile. It holds where it can.
    let restrictions =
      kernelBlock.map { Restriction(subject: "kernel.block \($0.rawValue)") }
      + Restriction.setting("kernel.otherContainers", applyingMode().otherContainers ?? .allow)
    return restrictions.map { $0.gap(.none, node.needs("fmod_ret or lsm"), Self.betterTier) } + needingFilter
  }

  /// What of `kernel` only the profile's filter enforces on this node.
  func gapsWithoutFilter(on node: NodeCapabilities) -> [Gap] {
    let hasHooks = node.tier >= .fmodRet
    var gaps: [Gap] = []
    if hasHooks, kernelBlock.contains(.executableMemory) {
      gaps.append(
        Gap(
          subject: "kernel.block executableMemory", coverage: .partial,
          why: "brk gives executable memory after personality(READ_IMPLIES_EXEC), and only a system call filter of the "
            + "profile can refuse that",
          remedy: "add seccomp: {type: RuntimeDefault}, or set acceptPartial: true if the rest is enough"))
    }
    if !hasHooks, socketFamilies != nil {
      gaps.append(
        Gap(
          subject: "kernel.sockets", coverage: .none,
          why: node.needs("fmod_ret or lsm, or a system call filter of the profile"),
          remedy: "add seccomp: {type: RuntimeDefault}, leave it out, or set failurePolicy: Ignore (docs/tiers.md)"))
    }
    return gaps
  }

  func networkGaps(_ node: NodeCapabilities) -> [Gap] {
    guard let problem = node.networkProblem else { return [] }
    let network = applyingMode().network
    let restrictions =
      (network.egress?.restrictions("network.egress") ?? [])
      + (network.ingress?.restrictions("network.ingress") ?? [])
    return restrictions.map {
      $0.gap(.none, problem, "mend that (cgroup v2 beside v1 is enough), or set failurePolicy: Ignore")
    }
  }

  private static let betterTier = "leave it out, or set failurePolicy: Ignore (docs/tiers.md)"
}

extension Profile {
  /// What is not enforced since files of the image have no path, or another one than the image gave them.
  func gapsOfPaths(on node: NodeCapabilities, of container: ContainerFacts) -> [Gap] {
    guard container.rootFoldsCase == true || container.rootMovesFolders == true else { return [] }
    let profile = applyingMode()
    let judgesPrograms = node.tier >= .signal && profile.process?.restrictions.isEmpty == false
    let judgesFiles = node.tier >= .fmodRet && profile.fileAccess?.restrictions.isEmpty == false
    if container.isSandboxed { return [] }
    let folds = container.rootFoldsCase == true && (judgesPrograms || judgesFiles)
    // The tiers that refuse calls refuse such a rename, but not for a profile that only audits.
    let moves =
      container.rootMovesFolders == true && (judgesPrograms && node.tier == .signal || judgesPrograms && mode == .audit)
    return (folds ? [Self.foldedCase] : []) + (moves ? [Self.movedFolders] : [])
  }

  private static let foldedCase = Gap(
    subject: "paths of the image", coverage: .partial,
    why: "the container's root is an overlay that finds files whatever the case of their names, so its files have no "
      + "path, and the strictest action of the section decides about them",
    remedy: "put the images on a file system without case folding")

  private static let movedFolders = Gap(
    subject: "process for folders of the image", coverage: .partial,
    why: "the container's root is an overlay with redirect_dir=on: a folder of the image can be renamed, and then its "
      + "programs have other paths and still count as the image's",
    remedy: "mount overlays with redirect_dir=off (options overlay redirect_dir=off in /etc/modprobe.d)")

  private func processGaps(_ node: NodeCapabilities) -> [Gap] {
    guard let section = applyingMode().process else { return [] }
    switch node.tier {
    case .none:
      return section.restrictions.map { $0.gap(.none, node.needs("signal, fmod_ret or lsm"), Self.betterTier) }
    case .signal:
      if let problem = node.claim.execProblem {
        return section.restrictions.map {
          $0.gap(.partial, "a program can get past tier signal: \(problem)", Self.acceptance)
        }
      }
      return partialAtSignal(section).map {
        $0.gap(.partial, "tier signal sees \(Self.seenAtSignal)", Self.acceptance)
      }
    case .fmodRet, .lsm: return []
    }
  }

  /// What a node enforces whole, and audits only in part. It refuses nothing: no container that Enforce accepts is
  /// refused for `mode: Audit`.
  func gapsOfAudit(on node: NodeCapabilities) -> [Gap] {
    guard mode == .audit, node.tier == .signal, node.claim.execProblem == nil,
      let section = applyingMode().process
    else { return [] }
    let alsoEnforcedInPart = partialAtSignal(section)
    return section.restrictions.filter { !alsoEnforcedInPart.contains($0) }.map {
      $0.gap(
        .partial, "mode: Audit lets it run, and tier signal then sees \(Self.seenAtSignal)", Self.acceptance)
    }
  }

  /// What tier signal would enforce only in part, in the words of `section`, which is the profile's own section or the
  /// audited form of it.
  ///
  /// Tier signal judges the final image. A script S that is blocked still runs if its interpreter may run. So does a
  /// program that a loader which may run is told to load. So anything that lets some image run makes every restriction
  /// partial. The only section that is whole is one that lets nothing run but the entrypoint: then each later exec ends
  /// in an image that is killed. A rule in it that names a file stays partial, because the entrypoint may be a script.
  private func partialAtSignal(_ section: ProcessSection) -> [Restriction] {
    guard process?.runsOnlyEntrypoint == true else { return section.restrictions }
    return section.allowEntrypoint ? Restriction.rules("process.rules", section.rules) : []
  }

  private static let seenAtSignal =
    "only the final image, not a script's own name and arguments, or what a loader loads"
  private static let acceptance = "set acceptPartial: true if that is enough, or use a node with tier fmod_ret or lsm"
}

/// Something in a profile that denies or audits.
private struct Restriction: Equatable {
  var subject: String
  var location: Location?

  func gap(_ coverage: Gap.Coverage, _ why: String, _ remedy: String) -> Gap {
    Gap(subject: subject, location: location, coverage: coverage, why: why, remedy: remedy)
  }

  /// The restriction of a single value that is not Allow.
  static func setting(_ subject: String, _ action: Action) -> [Restriction] {
    action == .allow ? [] : [Restriction(subject: "\(subject) \(action.name)")]
  }

  static func rules(_ place: String, _ rules: [PathRule]) -> [Restriction] {
    rules.enumerated().compactMap { index, rule in
      guard rule.strictest != .allow else { return nil }
      let subject = rule.action == .allow ? "\(place)[\(index)].arguments of" : "\(place)[\(index)] \(rule.action.name)"
      return Restriction(subject: "\(subject) \(rule.path)", location: rule.location)
    }
  }
}

extension ProcessSection {
  fileprivate var restrictions: [Restriction] {
    Restriction.setting("process.defaultAction", defaultAction)
      + Restriction.setting("process.newExecutables", newExecutables)
      + Restriction.setting("process.fileless", fileless)
      + Restriction.rules("process.rules", rules)
  }

  fileprivate var runsOnlyEntrypoint: Bool {
    defaultAction == .block && rules.allSatisfy { $0.action == .block } && fileless == .block
  }
}

extension FileSection {
  fileprivate var restrictions: [Restriction] {
    Restriction.setting("file.defaultAction", defaultAction) + Restriction.rules("file.rules", rules)
  }
}

extension NetworkDirection {
  fileprivate func restrictions(_ place: String) -> [Restriction] {
    Restriction.setting("\(place).defaultAction", defaultAction)
      + rules.enumerated().filter { $0.element.action != .allow }.map { index, rule in
        Restriction(subject: "\(place).rules[\(index)] \(rule.action.name)", location: rule.location)
      }
  }
}

extension NodeCapabilities {
  /// `this node has tier signal (the kernel …)`
  fileprivate var tierSentence: String {
    "\(name) has tier \(tier.name)" + (tierReason.isEmpty ? "" : " (\(tierReason))")
  }

  fileprivate func needs(_ tiers: String) -> String { "it needs tier \(tiers), and \(tierSentence)" }
}
