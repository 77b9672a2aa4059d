import Policy
import PolicyTesting
import Testing

@testable import Compilation

@Suite struct StandingAssessmentTests {
  private static let nodes = [
    NodeCapabilities(tier: .lsm), NodeCapabilities(tier: .signal), NodeCapabilities.none(because: "a test"),
    NodeCapabilities(tier: .signal, networkProblem: "a test"),
  ]

  private static let containers: [ContainerFacts] = {
    var late = ContainerFacts()
    (late.ranBefore, late.rootIsOverlay, late.mountsAreKnown) = (true, false, false)
    var folded = ContainerFacts()
    (folded.rootFoldsCase, folded.networkFailure) = (true, "a test")
    return [ContainerFacts(), ContainerFacts(runtimeHandler: "kata"), late, folded]
  }()

  @Test func `it is the profile's own, whichever containers and nodes came before`() throws {
    var random = SplitMix(state: 1)
    var withGaps = 0
    for _ in 0..<300 {
      let profile = RandomProfile.profile(&random)
      guard let compiled = try? CompiledProfile(profile) else { continue }
      for node in Self.nodes + Self.nodes {
        for container in Self.containers {
          let whole = profile.assess(node: node, container: container)
          #expect(compiled.assess(node: node, container: container) == whole)
          withGaps += whole.gaps.isEmpty ? 0 : 1
        }
      }
    }
    #expect(withGaps > 1000)
  }
}
