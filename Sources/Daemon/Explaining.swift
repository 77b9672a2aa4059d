import BPF
import Enforcement
import Explanation
import Policy
import RPC
import Seccomp
import System

extension LoadedProfile {
  /// One profile file, with its bases and seccomp files from the same folder.
  package init(file: String, environment: SeccompEnvironment) throws(PolicyError) {
    var loader = ProfileLoader(folder: Files.folder(of: file), environment: environment)
    self = try loader.load(try Profile.load(file: file, furtherProblems: loader.problems))
  }

  /// What is known of a container of the profile to which the runtime gives what it gives by default.
  package var usualContainer: ContainerFacts {
    var container = ContainerFacts()
    container.hasNetRaw = true
    container.filterDeniesPacketSockets = seccomp?.deniesPacketSockets == true
    return container
  }

  /// The filter that the profile's containers get, ready to be asked.
  package func explainedFilter(_ support: SeccompSupport, _ architecture: Architecture) -> Explainer.Filter {
    guard let seccomp else {
      return .unknown(
        why: "the profile sets no filter, so the container keeps what its pod has, which is not known here")
    }
    do {
      let sent = try adapt(seccomp, to: support)
      return .known(try ReplayedFilter(sent.filter, of: seccomp, architecture: architecture))
    } catch { return .unknown(why: "\(error)") }
  }
}

/// What a container that runs is judged by.
struct ContainerExplainer {
  let summary: Enforcer.Summary
  let node: NodeCapabilities
  let auditedUntilNanoseconds: Int64?
  /// The filter that this process sent for the container; nil: it is not known.
  let filter: ReplayedFilter?

  func explain(_ operation: Operation) throws(RPCStatus) -> Explanation {
    guard let text = summary.text else { throw RPCStatus(.failedPrecondition, noText) }
    var explainer = Explainer(text.following(summary.aliases), filter: explainedFilter(text), node: node)
    explainer.container = summary.facts
    explainer.auditedUntilNanoseconds = auditedUntilNanoseconds
    explainer.notes = notes
    return explainer.explain(operation)
  }

  private var noText: String {
    summary.profile.map { "profile \"\($0)\" is in force, but its text is not known to this process" }
      ?? "the container was let through without a profile"
  }

  private func explainedFilter(_ text: Profile) -> Explainer.Filter {
    if let filter { return .known(filter) }
    return .unknown(
      why: text.seccomp == nil
        ? "the profile sets no filter, so the container keeps what its pod has"
        : "a container keeps the filter that it was created with, and this process has not kept it: "
          + "seccompEvents is off, or Stockade began after the container (docs/explain.md)")
  }

  private var notes: [String] {
    var notes: [String] = []
    if summary.phase != .open || summary.isSuspended {
      notes.append("the container is closed: nothing may execute in it, whatever its profile says")
    }
    if summary.hasOlderText { notes.append("the container has an older text of its profile than the newest") }
    return notes
  }
}
