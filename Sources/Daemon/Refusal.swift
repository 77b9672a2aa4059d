import Policy

/// Why a container may not start. Its text is what `kubectl describe pod` shows: profile and reason first.
package struct Refusal: Error, CustomStringConvertible, Equatable {
  package let description: String

  init(_ description: String) { self.description = description }

  init(profile: String, _ reason: String) { description = "profile \"\(profile)\": \(reason)" }
}
