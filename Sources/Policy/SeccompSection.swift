/// `spec.seccomp` as written: words in OCI's spelling, not yet checked with libseccomp.
package struct SeccompSection: Equatable, Sendable {
  package enum Source: Equatable, Sendable {
    case runtimeDefault
    /// A file name in the profiles folder: no slash, not `..`.
    case localhost(String)
    case inline(SeccompFilter)
  }
  package var source: Source
  package var location: Location
  /// Some of it had errors and is left out: what is there can only be looked at word by word.
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

  /// Lines of words; what is missing stands where the whole does.
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
    /// Where the rule stands, where it came from a file.
    package var location: Location?
    package var lines = Lines()

    /// Of words; what is missing stands where the rule does.
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
