import System

/// What `/proc/PID/status` says of a process's filters.
package struct SeccompStatus: Equatable, Sendable {
  /// 2: the process is under filters.
  package var mode: Int
  /// How many filters; nil before Linux 5.9.
  package var filters: Int?

  static let filterMode = 2

  /// nil: the text has no `Seccomp` line, or two lines of one kind.
  package init?(statusText: String) {
    let modes = ProcFields.values(of: "Seccomp", in: statusText)
    let counts = ProcFields.values(of: "Seccomp_filters", in: statusText)
    guard modes.count == 1, let mode = Int(modes[0]), counts.count <= 1 else { return nil }
    self.mode = mode
    if let count = counts.first {
      guard let count = Int(count) else { return nil }
      filters = count
    }
  }

  package var isFiltered: Bool { mode == Self.filterMode && filters != 0 }
}

/// Whether a process is under a seccomp filter of its own.
///
/// - Parameter parent: the status of the process from which the runtime started this one, such as the shim. If the
///   parent is filtered already, as on a node that is itself a container, only one more filter counts.
package func filterIsActive(statusText: String, parent: String) -> Bool {
  guard let status = SeccompStatus(statusText: statusText), status.isFiltered else { return false }
  guard let inherited = SeccompStatus(statusText: parent) else { return false }
  guard inherited.isFiltered else { return true }
  guard let filters = status.filters, let others = inherited.filters else { return false }
  return filters > others
}
