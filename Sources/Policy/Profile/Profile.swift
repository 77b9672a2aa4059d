/// A security profile after `extends` was resolved: values only. The format: docs/profile-reference.md.
package struct Profile: Equatable, Sendable {
  package var name: String
  /// The file from which it was read, for messages.
  @ExactText package var file: String
  package var mode: Mode = .enforce
  package var failurePolicy: FailurePolicy = .fail
  package var minimumTier: Tier = .none
  package var acceptPartial = false
  package var requireFilter = false
  /// nil: the pod keeps the seccomp profile that it has.
  package var seccomp: SeccompSection?
  package var process: ProcessSection?
  package var fileAccess: FileSection?
  package var network = NetworkSection()
  package var kernelBlock: [KernelSurface] = []
  /// The families of which sockets may be made; nil: all of them.
  package var socketFamilies: Set<SocketFamily>?
  /// What other containers may not do to this container's processes; nil: Block if the node can, Audit in `mode:
  /// Audit`.
  package var otherContainers: Action?
  /// What is accepted, but hardly meant, for example that no program can start.
  package var warnings: [Problem] = []

  package init(name: String, file: String) {
    self.name = name
    self.file = file
  }
}

package enum Mode: String, CaseIterable, Sendable {
  case enforce = "Enforce"
  case audit = "Audit"
}

package enum FailurePolicy: String, CaseIterable, Sendable {
  case fail = "Fail"
  case ignore = "Ignore"
}

/// What can enforce exec, file and kernel rules, the worst first; docs/tiers.md.
package enum Tier: Int, CaseIterable, Comparable, Sendable {
  case none, signal, fmodRet, lsm

  /// The tier's name in profiles, messages and metrics.
  package var name: String {
    switch self {
    case .none: "none"
    case .signal: "signal"
    case .fmodRet: "fmod_ret"
    case .lsm: "lsm"
    }
  }

  package static func < (a: Tier, b: Tier) -> Bool { a.rawValue < b.rawValue }
}

/// The actions are ordered: of two rules of equal rank, the greater one wins. Raw values are those of `enum
/// stockade_action`.
package enum Action: UInt8, CaseIterable, Comparable, Sendable {
  case allow = 0
  case audit = 1
  case block = 2

  package var name: String {
    switch self {
    case .allow: "Allow"
    case .audit: "Audit"
    case .block: "Block"
    }
  }

  package static func < (a: Action, b: Action) -> Bool { a.rawValue < b.rawValue }
}

/// A line of a profile file, from 1; for messages and events.
package struct Location: Hashable, Sendable, CustomStringConvertible {
  @ExactText package var file: String
  package var line: Int
  package init(file: String, line: Int) {
    self.file = file
    self.line = line
  }
  package var description: String { "\(file):\(line)" }
}

package struct ProcessSection: Equatable, Sendable {
  package var defaultAction: Action = .allow
  package var allowEntrypoint = false
  /// If it is not set: Block if `defaultAction` is Block, else Allow.
  package var newExecutables: Action {
    get { chosenForNew ?? defaultForUnknown }
    set { chosenForNew = newValue }
  }
  package var fileless: Action {
    get { chosenForFileless ?? defaultForUnknown }
    set { chosenForFileless = newValue }
  }
  private var chosenForNew, chosenForFileless: Action?
  private var defaultForUnknown: Action { defaultAction == .block ? .block : .allow }
  package var rules: [PathRule] = []
  package init() {}
}

package struct FileSection: Equatable, Sendable {
  package var defaultAction: Action = .allow
  package var rules: [PathRule] = []
  package init() {}
}

/// A rule about one file (`path`) or a folder's contents (`directory`).
package struct PathRule: Equatable, Sendable {
  /// Absolute and normalised, without a trailing slash (except for the directory `/`).
  @ExactText package var path: String
  package var isDirectory: Bool
  package var recursive = false
  /// Only in `file`. In `process` it is always execution.
  package var access: Set<Access> = Set(Access.allCases)
  package var action: Action
  /// `new: true`: overrides newExecutables.
  package var allowNew = false
  package var arguments: [ArgumentRule] = []
  /// Events about the rule repeat them.
  package var tags: [String] = []
  package var location: Location
  /// The index of the rule for which this one stands at another path (`Profile.following`). nil: it is the profile's.
  package var origin: Int?

  package init(path: String, isDirectory: Bool, action: Action, location: Location) {
    self.path = path
    self.isDirectory = isDirectory
    self.action = action
    self.location = location
  }
}

package enum Access: String, CaseIterable, Sendable {
  case read = "Read"
  case write = "Write"
}

package struct ArgumentRule: Equatable, Sendable {
  package enum Kind: String, CaseIterable, Sendable { case contains, equals, prefix }
  package var kind: Kind
  @ExactText package var text: String
  /// argv index; nil: every argument, argv[0] included.
  package var index: Int?
  package var action: Action
  package init(kind: Kind, text: String, index: Int?, action: Action) {
    self.kind = kind
    self.text = text
    self.index = index
    self.action = action
  }
}

package struct NetworkSection: Equatable, Sendable {
  /// nil: the profile says nothing about that direction.
  package var egress: NetworkDirection?
  package var ingress: NetworkDirection?
  package var bind: BindList?
  package init() {}
}

/// Local ports that clients may bind although `ingress` blocks them for every peer.
package struct BindList: Equatable, Sendable {
  package var ports: [PortRule]
  package var location: Location
  package init(ports: [PortRule], location: Location) {
    self.ports = ports
    self.location = location
  }
}

package struct NetworkDirection: Equatable, Sendable {
  package var defaultAction: Action = .allow
  package var rules: [NetworkRule] = []
  package init() {}
}

package struct NetworkRule: Equatable, Sendable {
  /// nil: every address of both families.
  package var cidr: CIDR?
  package var except: [CIDR] = []
  /// Empty: every protocol and port.
  package var ports: [PortRule] = []
  package var action: Action
  /// Events about the rule repeat them.
  package var tags: [String] = []
  package var location: Location
  package init(action: Action, location: Location) {
    self.action = action
    self.location = location
  }
}

package struct PortRule: Hashable, Sendable {
  package enum TransportProtocol: String, CaseIterable, Sendable {
    case tcp = "TCP"
    case udp = "UDP"
    case sctp = "SCTP"

    /// The number in an IP header.
    package var number: UInt8 {
      switch self {
      case .tcp: 6
      case .udp: 17
      case .sctp: 132
      }
    }

    /// nil: rules cannot name the protocol.
    package init?(number: UInt8) {
      guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
      self = found
    }
  }
  package var transport: TransportProtocol = .tcp
  /// Inclusive; 0...65535 if the rule names only a protocol.
  package var first: UInt16
  package var last: UInt16
  package init(transport: TransportProtocol, first: UInt16, last: UInt16) {
    self.transport = transport
    self.first = first
    self.last = last
  }
}

/// An IPv4 or IPv6 prefix. `bytes` has 4 or 16 bytes, in network order, and its host bits are zero.
package struct CIDR: Hashable, Sendable {
  package var bytes: [UInt8]
  package var prefixLength: Int
  package init(bytes: [UInt8], prefixLength: Int) {
    self.bytes = bytes
    self.prefixLength = prefixLength
  }
  package var isIPv4: Bool { bytes.count == 4 }
}

/// A part of the kernel that a profile can block. docs/tiers.md says what each part covers.
package enum KernelSurface: String, CaseIterable, Sendable {
  case mount, ptrace, userNamespaces, bpf, ioUring, packetSockets, moduleLoad, keyrings, perfEvents, executableMemory
}
