extension Profile {
  /// The profile as it is enforced. In `mode: Audit` every Block of `process`, `file` and `network` is an Audit, and so
  /// is a Block of `otherContainers`. `kernel.block` has no actions, so the code that enforces it looks at `mode`.
  package func applyingMode() -> Profile {
    guard mode == .audit else { return self }
    var profile = self
    profile.process = process?.audited
    profile.fileAccess?.defaultAction.soften()
    profile.fileAccess?.rules.soften()
    profile.network.egress?.soften()
    profile.network.ingress?.soften()
    profile.otherContainers?.soften()
    return profile
  }
}

extension Profile {
  /// `otherContainers`, or the default of it.
  package var effectOnOtherContainers: Action {
    (applyingMode().otherContainers) ?? (mode == .audit ? .audit : .block)
  }
}

extension Action {
  fileprivate mutating func soften() { if self == .block { self = .audit } }
}

extension [PathRule] {
  fileprivate mutating func soften() {
    for index in indices {
      self[index].action.soften()
      for argument in self[index].arguments.indices { self[index].arguments[argument].action.soften() }
    }
  }
}

extension ProcessSection {
  fileprivate var audited: ProcessSection {
    var section = self
    // These come first, because their default depends on defaultAction.
    var (new, fileless) = (newExecutables, fileless)
    new.soften()
    fileless.soften()
    (section.newExecutables, section.fileless) = (new, fileless)
    section.defaultAction.soften()
    section.rules.soften()
    return section
  }
}

extension NetworkDirection {
  fileprivate mutating func soften() {
    defaultAction.soften()
    for index in rules.indices { rules[index].action.soften() }
  }
}
