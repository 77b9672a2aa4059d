/// `spec.seccomp` as written: words in OCI's spelling, which libseccomp has not checked yet.
package struct SeccompSection: Equatable, Sendable {
  package enum Source: Equatable, Sendable {
    case runtimeDefault
    /// A file name in the profiles folder: no slash, not `..`.
    case localhost(String)
    case inline(SeccompFilter)
  }
  package var source: Source
  /// Whether the filter also takes the place of a file that the pod names.
  package var replacesPod = false
  /// What the containers have beside `Capabilities.containerDefault`: `CAP_SYS_ADMIN`.
  package var addedCapabilities: [String] = []
  package var location: Location
  /// Whether a part of it had errors and is left out. What is there can then only be checked word by word.
  package var isPartial = false
  package init(source: Source, location: Location) {
    self.source = source
    self.location = location
  }
}

/// A seccomp filter in OCI's words (`linux.seccomp` of the runtime specification).
package struct SeccompFilter: Equatable, Sendable {
  package var defaultAction: String
  package var defaultErrno: UInt32?
  package var architectures: [String] = []
  package var flags: [String] = []
  package var syscalls: [Rule] = []
  package var lines = Lines()

  /// The lines of words. For a missing line, the line of the whole filter counts.
  package struct Lines: Equatable, Sendable {
    package var defaultAction: Int?
    package var architectures: [Int] = []
    package var flags: [Int] = []
    package init() {}
  }

  package struct Rule: Equatable, Sendable {
    package var names: [String]
    package var action: String
    package var errnoReturn: UInt32?
    package var arguments: [Argument] = []
    /// The place of the rule, if it came from a file.
    package var location: Location?
    /// Its place in the list of that file.
    package var index: Int?
    package var lines = Lines()

    /// The lines of words. For a missing line, the line of the rule counts.
    package struct Lines: Equatable, Sendable {
      package var names: [Int] = []
      package var action: Int?
      package var arguments: [Int] = []
      package init() {}
    }
    package init(names: [String], action: String) {
      self.names = names
      self.action = action
    }
  }

  package struct Argument: Equatable, Sendable {
    package var index: UInt32
    package var value: UInt64
    package var valueTwo: UInt64
    package var op: String
    package init(index: UInt32, value: UInt64, valueTwo: UInt64, op: String) {
      self.index = index
      self.value = value
      self.valueTwo = valueTwo
      self.op = op
    }
  }

  package init(defaultAction: String) { self.defaultAction = defaultAction }
}
