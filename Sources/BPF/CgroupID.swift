/// The kernel's id of a cgroup. It equals the inode number of the cgroup's directory, and no later cgroup gets it.
package struct CgroupID: BitwiseCopyable, Hashable, Comparable, Sendable, CustomStringConvertible {
  package let number: UInt64

  package init(_ number: UInt64) { self.number = number }

  package static func < (a: CgroupID, b: CgroupID) -> Bool { a.number < b.number }
  package var description: String { "\(number)" }
}

/// The random number under which a policy stands in the kernel. It is never 0.
package struct Revision: BitwiseCopyable, Hashable, Sendable {
  package let number: UInt64

  package init(_ number: UInt64) { self.number = number }

  package static func random() -> Revision { Revision(.random(in: 1..<UInt64.max)) }
}

/// A process, known so that no later process with the same number is taken for it.
package struct ProcessIdentity: Equatable, Sendable {
  /// The pid in the initial pid namespace.
  package var pid: UInt32
  /// Field 22 of `/proc/PID/stat`: when it began, in ticks of 10 ms since boot.
  package var startTicks: UInt64

  package init(pid: UInt32, startTicks: UInt64) { (self.pid, self.startTicks) = (pid, startTicks) }
}
