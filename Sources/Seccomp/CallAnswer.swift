extension ReplayedFilter {
  /// What is known of the answer to a call whose arguments nobody knows.
  package enum Answer: Equatable, Sendable {
    case passes
    case stops(Ruling)
    /// The filter looks at the arguments.
    case depends
  }

  /// - Parameters:
  ///   - ociName: the architecture of the call, `SCMP_ARCH_X86_64`.
  ///   - samples: arguments that the call is likely to have had. If one of them is stopped, the call is.
  package func answer(to name: String, on ociName: String, samples: [[UInt64]]) -> Answer {
    guard let call = Call(name, on: ociName) else { return .depends }
    let arguments = conditional.contains(name) ? samples : [[]]
    if arguments.isEmpty { return .depends }
    for sample in arguments {
      let found = ruling(audit: call.audit, number: call.number, arguments: sample)
      if let found, !found.isFallback { return .stops(found) }
    }
    return .passes
  }
}
