import Policy

/// A profile in the shape of the kernel's tables: the verdict for each path, prefix and port that some rule names.
/// `mode: Audit` is applied already. These are values only: the module `BPF` writes them into the kernel.
package struct CompiledPolicy: Equatable, Sendable {
  /// nil: the profile has no such section, or its section allows everything.
  package var process: Process?
  package var file: File?
  package var egress: Direction?
  package var ingress: Direction?
  /// What bind(2) may: the ports that `bind` allows, then those that `ingress` blocks or audits for every peer. The
  /// first entry that contains a port decides. Empty: every port may be bound.
  package var binds: [PortVerdict] = []
  package var kernel: Kernel?

  package init() {}

  /// What the strictest of several rules says, with that rule's index in the section.
  package struct Verdict: Equatable, Sendable {
    package var action: Action
    /// Of the rule and its argument rules. It holds for a program that is mapped without an exec of its own.
    package var strictest: Action
    package var rule: Int
    package var allowsNew = false
    /// How many argument rules the rule has.
    package var arguments = 0
  }

  /// nil: no rule is about that access. For a program only `read` is used.
  package struct Verdicts: Equatable, Sendable {
    package var read, write: Verdict?
    package init(read: Verdict? = nil, write: Verdict? = nil) { (self.read, self.write) = (read, write) }
  }

  /// What the rules say about one path.
  package struct Path: Equatable, Sendable {
    /// The bytes that the kernel hashes: a directory's path has its trailing slash.
    package var bytes: [UInt8]
    /// For a path: the file itself. For a directory: what lies directly in it.
    package var direct = Verdicts()
    /// For a path: the strictest rule about something below it. For a directory: what lies deeper in it.
    package var deep = Verdicts()
    package var isDirectory: Bool { bytes.last == UInt8(ascii: "/") }
  }

  package struct Argument: Equatable, Sendable {
    package var rule: Int
    /// The index among the rule's argument rules.
    package var position: Int
    package var argument: ArgumentRule
  }

  package struct Process: Equatable, Sendable {
    package var defaultAction, newExecutables, fileless: Action
    /// For a path that is too long to be known.
    package var overLong: Action
    /// For a program that has no path.
    package var unknownPath = Action.block
    /// For a mapped file that has no path.
    package var unknownMappedPath = Action.block
    package var allowEntrypoint = false
    /// What `allowEntrypoint` allows is audited.
    package var auditsEntrypoint = false
    /// Sorted by their bytes.
    package var paths: [Path] = []
    package var arguments: [Argument] = []

    package init(defaultAction: Action, newExecutables: Action, fileless: Action, overLong: Action) {
      (self.defaultAction, self.newExecutables) = (defaultAction, newExecutables)
      (self.fileless, self.overLong) = (fileless, overLong)
    }
  }

  package struct File: Equatable, Sendable {
    package var defaultAction: Action
    /// For a file whose path cannot be known.
    package var strictest: Action
    /// Sorted by their bytes.
    package var paths: [Path] = []

    package init(defaultAction: Action, strictest: Action) {
      (self.defaultAction, self.strictest) = (defaultAction, strictest)
    }
  }

  package struct Kernel: Equatable, Sendable {
    package var blocked: Set<KernelSurface> = []
    package var audited: Set<KernelSurface> = []
    /// Sockets of every other family are blocked or audited; nil: of none.
    package var sockets: Sockets?
    package var otherContainers: Action
    package init(otherContainers: Action) { self.otherContainers = otherContainers }
  }

  package struct Sockets: Equatable, Sendable {
    package var families: Set<SocketFamily>
    /// For the families that are not listed.
    package var action: Action
    /// With the action Block: sockets of the families that are listed are audited.
    package var auditsListed = false

    package init(families: Set<SocketFamily>, action: Action, auditsListed: Bool = false) {
      (self.families, self.action, self.auditsListed) = (families, action, auditsListed)
    }
  }

  /// What one entry of a prefix's list says.
  package struct PortVerdict: Equatable, Sendable {
    /// The number in an IP header; 0: every protocol.
    package var protocolNumber: UInt8
    package var first, last: UInt16
    package var action: Action
    /// nil: the section's default decided.
    package var rule: Int?
  }

  /// The list that applies to a prefix, as far as no longer prefix has a list. The first entry that matches decides. If
  /// none matches, the section's default decides.
  package struct Prefix: Equatable, Sendable {
    package var cidr: CIDR
    package var entries: [PortVerdict]
    package init(cidr: CIDR, entries: [PortVerdict]) { (self.cidr, self.entries) = (cidr, entries) }
  }

  package struct Direction: Equatable, Sendable {
    package var defaultAction: Action
    /// For a packet that cannot be read.
    package var strictest: Action
    /// One list for every prefix that a rule or an exception names, and for /0 of both families.
    package var prefixes: [Prefix] = []

    package init(defaultAction: Action, strictest: Action) {
      (self.defaultAction, self.strictest) = (defaultAction, strictest)
    }
  }
}

extension CompiledPolicy {
  /// Limits of the kernel's tables, as in bpf/include/stockade.h: the entries of one prefix, the prefixes of a
  /// direction, and the port ranges that bind(2) is judged by.
  package static let entriesMax = 64
  package static let prefixesMax = 2048
  package static let bindsMax = 32
}

extension CompiledPolicy {
  /// The policy without what a node, or a container, does not enforce. That it is missing was refused or reported
  /// before.
  ///
  /// - Parameter withoutNewExecutables: the container's root cannot tell new files from the image's.
  package func reduced(to tier: Tier, hasNetwork: Bool, withoutNewExecutables: Bool) -> CompiledPolicy {
    var policy = self
    if tier < .signal { policy.process = nil }
    if tier < .fmodRet { (policy.file, policy.kernel) = (nil, nil) }
    if !hasNetwork { (policy.egress, policy.ingress, policy.binds) = (nil, nil, []) }
    if withoutNewExecutables { policy.process?.newExecutables = .allow }
    return policy
  }
}
