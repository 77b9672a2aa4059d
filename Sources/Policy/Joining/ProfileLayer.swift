/// A profile file as it was written. nil is what the file does not set, so `extends` can tell a default from a choice.
package struct ProfileLayer: Equatable, Sendable {
  package struct Base: Equatable, Sendable {
    package var name: String
    package var location: Location
  }

  package struct Process: Equatable, Sendable {
    package var defaultAction: Action?
    package var defaultLocation: Location?
    package var allowEntrypoint: Bool?
    package var newExecutables: Action?
    package var fileless: Action?
    package var rules: [PathRule] = []
  }

  package struct FileAccess: Equatable, Sendable {
    package var defaultAction: Action?
    package var defaultLocation: Location?
    package var rules: [PathRule] = []
  }

  package struct Direction: Equatable, Sendable {
    package var defaultAction: Action?
    package var rules: [NetworkRule] = []
  }

  /// A tier, with the line that asks for it. What the tier cannot enforce is reported on that line.
  package struct MinimumTier: Equatable, Sendable {
    package var tier: Tier
    package var location: Location
  }

  package var name = ""
  package var location: Location
  package var extends: [Base] = []
  package var mode: Mode?
  package var failurePolicy: FailurePolicy?
  package var minimumTier: MinimumTier?
  package var acceptPartial: Bool?
  package var requireFilter: Bool?
  package var seccomp: SeccompSection?
  package var process: Process?
  package var fileAccess: FileAccess?
  package var egress: Direction?
  package var ingress: Direction?
  package var bind: BindList?
  package var kernelBlock: [KernelSurface]?
  package var socketFamilies: Set<SocketFamily>?
  package var otherContainers: Action?

  init(location: Location) { self.location = location }
}
