import Enforcement
import EnforcementTesting
import NRI
import Policy
import System
import Testing

@testable import Daemon

/// Whose an event is, as the runtime told it.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct EventSubjectTests {
  private let world: EnforcerWorld

  init() throws { world = try EnforcerWorld(tier: .signal) }

  @Test(
    "a container that starts, and one that is adopted, has its image and those labels of its pod that are named",
    arguments: [true, false])
  func subject(starts: Bool) throws {
    let text = "metadata: {name: p}\nspec: {acceptPartial: true, process: {rules: [{path: /bin/id, action: Block}]}}\n"
    let plugin = try plugin(
      "eventLabels: [team, app]\n", profiles: library([text]), enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    var pod = pod([all: "p"])
    (pod.uid, pod.labels) = ("u1", ["app": "web", "team": "a", "other": "x"])
    var container = world.container()
    container.annotations[Plugin.imageAnnotation] = "web:1"
    if starts {
      try plugin.startContainer(pod: pod, container: container)
    } else {
      try plugin.synchronize(pods: [pod], containers: [container])
    }
    let found = world.enforcer.subjects.find(try world.cgroupID, nil)?.subject
    #expect(found?.labels == [PodLabel(name: "team", value: "a"), PodLabel(name: "app", value: "web")])
    #expect(found?.image == "web:1" && found?.podUID == "u1")
  }

  @Test("of the labels of what runs already, those that events repeat are looked at")
  func needs() throws {
    let plugin = try plugin("eventLabels: [team]\n")
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    #expect(plugin.needs.labels == ["team"])
  }
}
