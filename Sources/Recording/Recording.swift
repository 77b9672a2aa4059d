import Policy

/// What a workload did while it was watched: each thing once, with how often it was done. Values only; the file format
/// is docs/recording.md's.
///
/// A recording is whole if nothing was lost and everything could be seen. What could not be seen is said by its part.
package struct Recording: Equatable, Sendable {
  /// The workload, for comments: a pod's container or a command.
  package var workload: String
  /// The image's name as the pod gives it; empty: not known.
  package var image = ""
  /// Under which tier it was watched.
  package var tier: Tier
  /// CLOCK_REALTIME in nanoseconds since 1970.
  package var beganNanoseconds: Int64
  package var seconds: UInt64
  /// What is missing: how often, by the names of docs/events.md's counters. Empty: nothing.
  package var losses: [String: UInt64] = [:]
  /// What this node cannot see, by part, with the reason. Nothing follows from its absence.
  package var unseen: [Part: String] = [:]

  package var execs: [Exec: UInt64] = [:]
  package var mappings: [Mapped: UInt64] = [:]
  package var files: [FileUse: UInt64] = [:]
  package var connections: [Connection: UInt64] = [:]
  package var binds: [Port: UInt64] = [:]
  package var surfaces: [KernelSurface: UInt64] = [:]
  package var families: [SocketFamily: UInt64] = [:]
  /// `CAP_...`
  package var capabilities: [String: UInt64] = [:]
  /// Names of system calls by architecture, in OCI's words (`SCMP_ARCH_X86_64`). How often is not counted.
  package var syscalls: [String: Set<String>] = [:]

  package enum Part: String, CaseIterable, Comparable, Sendable {
    case execs, mappings, files, connections, binds, surfaces, families, capabilities, syscalls

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// A file as the kernel found it.
  package struct File: Hashable, Sendable {
    /// From the container's root, fully resolved. Bytes, since a path need not be UTF-8.
    package var path: [UInt8]
    /// It is not of the image.
    package var isNew = false
    /// It is deleted, a memfd or detached. Then the path means nothing.
    package var isFileless = false

    package init(path: [UInt8], isNew: Bool = false, isFileless: Bool = false) {
      (self.path, self.isNew, self.isFileless) = (path, isNew, isFileless)
    }
  }

  /// A file that an exec loaded: the program, a script, or an interpreter.
  package struct Exec: Hashable, Sendable {
    package var file: File
    /// It is the container's first program, or an interpreter of that.
    package var isEntrypoint = false
    /// Without their NUL. nil: nobody asked for them.
    package var arguments: [[UInt8]]?

    package init(file: File, isEntrypoint: Bool = false, arguments: [[UInt8]]? = nil) {
      (self.file, self.isEntrypoint, self.arguments) = (file, isEntrypoint, arguments)
    }
  }

  /// A file that was mapped as code without an exec.
  package struct Mapped: Hashable, Sendable {
    package var file: File
    package init(file: File) { self.file = file }
  }

  package struct FileUse: Hashable, Sendable {
    package var path: [UInt8]
    package var access: Access
    package init(path: [UInt8], access: Access) { (self.path, self.access) = (path, access) }
  }

  package enum Direction: String, CaseIterable, Sendable { case egress, ingress }

  package struct Port: Hashable, Sendable {
    /// nil: a protocol whose ports no rule can name, as ICMP.
    package var transport: PortRule.TransportProtocol?
    package var port: UInt16
    package init(transport: PortRule.TransportProtocol?, port: UInt16) {
      (self.transport, self.port) = (transport, port)
    }
  }

  package struct Connection: Hashable, Sendable {
    package var direction: Direction
    /// The peer's, in network order: 4 bytes or 16.
    package var address: [UInt8]
    /// The peer's for egress, the container's for ingress.
    package var port: Port
    package init(direction: Direction, address: [UInt8], port: Port) {
      (self.direction, self.address, self.port) = (direction, address, port)
    }
  }

  package init(workload: String, tier: Tier, beganNanoseconds: Int64, seconds: UInt64) {
    (self.workload, self.tier) = (workload, tier)
    (self.beganNanoseconds, self.seconds) = (beganNanoseconds, seconds)
  }

  /// Whether nothing is missing of what this node can see.
  package var isWhole: Bool { losses.isEmpty }
}
