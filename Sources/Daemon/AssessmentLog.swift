import Logging
import Policy

/// Logs what is not enforced of a profile for a container.
extension Logger {
  /// A profile may have thousands of rules, and a container that starts does not wait for as many lines.
  private static let gapsMaximum = 16

  func report(_ assessment: Assessment, of container: Subject) {
    // What the profile's author has accepted need not be reported again for each container.
    for (level, gaps) in [(Logger.Level.warning, assessment.ignored), (.debug, assessment.accepted)] {
      if level < logLevel { continue }
      var said = gaps.prefix(Self.gapsMaximum).map(\.description)
      if gaps.count > said.count {
        said.append("\(gaps.count - said.count) more; all: stockade containers \(container.containerID)")
      }
      for gap in said {
        log(
          level: level, "not enforced",
          metadata: container.metadata(["profile": "\(assessment.profile)", "gap": "\(gap)"]))
      }
    }
  }

  /// - Parameter container: a container that runs, and got a new text of its profile.
  func report(newText assessment: Assessment, of container: Subject) {
    if let refusal = assessment.refusal {
      error(
        "a running container would be refused under the new text of its profile; what can be enforced of that is in force",
        metadata: container.metadata(["reason": "\(refusal)"]))
    }
    report(assessment, of: container)
  }
}

extension Subject {
  /// The container as each line of the log names it, and more.
  func metadata(_ more: Logger.Metadata) -> Logger.Metadata {
    more.merging(["pod": "\(podNamespace)/\(podName)", "container": "\(containerName)", "id": "\(containerID)"]) {
      a, _ in a
    }
  }
}
