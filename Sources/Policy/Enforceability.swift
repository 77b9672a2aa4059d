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
    guard node.tier < .fmodRet else { return [] }
    // The default of otherContainers is no rule of the profile. It holds where it can.
    let restrictions =
      kernelBlock.map { Restriction(subject: "kernel.block \($0.rawValue)") }
      + Restriction.setting("kernel.otherContainers", applyingMode().otherContainers ?? .allow)
    return restrictions.map { $0.gap(.none, node.needs("fmod_ret or lsm"), Self.betterTier) }
  }

  private func networkGaps(_ node: NodeCapabilities) -> [Gap] {
    guard let problem = node.networkProblem else { return [] }
    let network = applyingMode().network
    let restrictions =
      (network.egress?.restrictions("network.egress") ?? [])
      + (network.ingress?.restrictions("network.ingress") ?? [])
    return restrictions.map {
      $0.gap(.none, problem, "make cgroup v2 available (hybrid is enough), or set failurePolicy: Ignore")
    }
  }

  private static let betterTier = "leave it out, or set failurePolicy: Ignore (docs/tiers.md)"
}

extension Profile {
  private func processGaps(_ node: NodeCapabilities) -> [Gap] {
    guard let section = applyingMode().process else { return [] }
    switch node.tier {
    case .none:
      return section.restrictions.map { $0.gap(.none, node.needs("signal, fmod_ret or lsm"), Self.betterTier) }
    case .signal:
      if let problem = node.claim.execProblem {
        return section.restrictions.map {
          $0.gap(
            .partial, "a program can get past tier signal: \(problem)",
            "set acceptPartial: true if that is enough, or use a node with tier fmod_ret or lsm")
        }
      }
      return section.partialAtSignal.map {
        $0.gap(
          .partial, "tier signal sees only the final image, not a script's own name or what a loader loads",
          "set acceptPartial: true if that is enough, or use a node with tier fmod_ret or lsm")
      }
    case .fmodRet, .lsm: return []
    }
  }
}

/// Something in a profile that denies or audits.
private struct Restriction {
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

  /// Tier signal judges the final image. A script S that is blocked still runs if its interpreter may run. So does a
  /// program that a loader which may run is told to load. So anything that lets some image run makes every restriction
  /// partial. The only section that is whole is one that lets nothing run but the entrypoint: then each later exec ends
  /// in an image that is killed. A rule in it that names a file stays partial, because the entrypoint may be a script.
  fileprivate var partialAtSignal: [Restriction] {
    let entrypointOnly =
      defaultAction == .block && rules.allSatisfy { $0.action == .block }
      && fileless == .block
    guard entrypointOnly else { return restrictions }
    return allowEntrypoint ? Restriction.rules("process.rules", rules) : []
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
