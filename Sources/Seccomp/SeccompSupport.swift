import Policy

/// Which part of a filter reaches the container, by the runtime's version.
package enum SeccompSupport: Equatable, Sendable {
  /// The runtime ignores the filter, silently.
  case none(reason: String)
  /// `errno_ret` must not be sent: it crashes containerd 2.2.
  case withoutErrno
  case full

  /// - Parameter runtime: what the runtime says of itself: `containerd 2.1.9`.
  package static func ignored(by runtime: String) -> SeccompSupport {
    .none(
      reason: "\(runtime) ignores a seccomp policy, as far as its version tells; "
        + "use containerd 2.2 or newer, or CRI-O 1.34 or newer")
  }
}

/// The filter as this runtime can carry it, with its notes.
///
/// - Throws: `SeccompError.runtime` if the filter would not reach the container as it is written.
package func adapt(
  _ resolved: ResolvedSeccomp, to support: SeccompSupport
) throws(SeccompError) -> ResolvedSeccomp {
  var adapted = resolved
  // Runtimes drop this number, and runc then answers EPERM. `resolve` has written every other value out as rules.
  adapted.filter.defaultErrno = nil
  adapted.optional = []
  switch support {
  case .none(let reason): throw .runtime(resolved.location, "no seccomp filter can be set: \(reason)")
  case .full:
    adapted.filter.syscalls += resolved.optional
  case .withoutErrno:
    if let errno = resolved.filter.defaultErrno, errno != UInt32(FilterAction.errnoDefault) {
      throw errnoIsNeeded(resolved.location, "a default errno of \(errno)")
    }
    for index in adapted.filter.syscalls.indices {
      let rule = adapted.filter.syscalls[index]
      guard let errno = rule.errnoReturn else { continue }
      guard errno == UInt32(FilterAction.errnoDefault) else {
        throw errnoIsNeeded(
          rule.location ?? resolved.location, "\(rule.action) with errno \(errno) for \"\(rule.names[0])\"")
      }
      adapted.filter.syscalls[index].errnoReturn = nil
    }
    if !resolved.optional.isEmpty {
      adapted.notes.append(
        SeccompNote(
          nil,
          "clone3 answers EPERM in place of ENOSYS before NRI 0.12: programs with glibc 2.34 and newer make no threads")
      )
    }
  }
  return adapted
}

private func errnoIsNeeded(_ location: Location, _ what: String) -> SeccompError {
  .runtime(
    location,
    "\(what) needs NRI 0.12 (containerd 2.3); with this runtime only \(FilterAction.errnoDefault) (EPERM) is possible: "
      + "use another filter, or remove spec.seccomp to keep the filter that the pod has")
}
