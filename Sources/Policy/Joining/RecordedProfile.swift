extension Profile {
  /// For a container without a profile that is recorded: it denies nothing.
  package static var ofUnconfined: Profile {
    var profile = Profile(name: "recording", file: "")
    profile.otherContainers = .allow
    return profile
  }

  /// The profile under which a container is recorded: what the profile allows is audited, so that everything is told,
  /// and what it blocks stays blocked. The kernel section is the compiler's, since a profile's text cannot say it.
  ///
  /// `mode` is not applied here. `otherContainers` is not the container's own doing, and stays.
  package var recorded: Profile {
    var profile = self
    profile.process = (process ?? ProcessSection()).recorded
    var file = fileAccess ?? FileSection()
    file.defaultAction.raise()
    file.rules.raise()
    profile.fileAccess = file
    profile.network.egress = (network.egress ?? NetworkDirection()).recorded
    profile.network.ingress = (network.ingress ?? NetworkDirection()).recorded
    return profile
  }
}

extension Action {
  fileprivate mutating func raise() { self = Swift.max(self, .audit) }
}

extension [PathRule] {
  fileprivate mutating func raise() {
    for index in indices {
      self[index].action.raise()
      for argument in self[index].arguments.indices { self[index].arguments[argument].action.raise() }
    }
  }
}

extension ProcessSection {
  fileprivate var recorded: ProcessSection {
    var section = self
    // These come first, because their default depends on defaultAction.
    var (new, fileless) = (newExecutables, fileless)
    new.raise()
    fileless.raise()
    (section.newExecutables, section.fileless) = (new, fileless)
    section.defaultAction.raise()
    section.rules.raise()
    return section
  }
}

extension NetworkDirection {
  fileprivate var recorded: NetworkDirection {
    var direction = self
    direction.defaultAction.raise()
    for index in rules.indices { direction.rules[index].action.raise() }
    return direction
  }
}
