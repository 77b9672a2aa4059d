import Policy

/// A profile that must be enforced where a process's file is looked at, and needs no overlay.
func filelessProfile(failure: FailurePolicy = .fail) -> Profile {
  var profile = Profile(name: "p", file: "p.yaml")
  profile.failurePolicy = failure
  profile.process = ProcessSection()
  profile.process?.newExecutables = .allow
  profile.process?.fileless = .block
  return profile
}
