import Compilation
import EnforcementTesting
import Policy
import Testing

@testable import Enforcement

/// How a running container comes to be recorded, and what it has afterwards.
@Suite(.serialized) struct EnforcerRecordingTests {
  private func profile(_ action: Action = .block) -> Profile {
    var profile = Profile(name: "web", file: "web.yaml")
    var process = ProcessSection()
    (process.defaultAction, process.newExecutables) = (action, .allow)
    profile.process = process
    return profile
  }

  private let world: EnforcerWorld

  init() throws {
    world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
  }

  private func steps(_ body: () throws -> Void) rethrows -> [String] {
    let before = world.kernel.steps.count
    try body()
    return Array(world.kernel.steps.dropFirst(before))
  }

  private func setRecorded(_ isRecorded: Bool) throws {
    #expect(try world.enforcer.setRecorded("c1", isRecorded ? .facts : .nothing))
  }

  @Test("the policy is written, the recording begins, and then the container is pointed at the policy; and back")
  func order() throws {
    let former = world.enforcer.entry("c1")?.revision
    let begin = try steps { try setRecorded(true) }
    #expect(begin.filter { ["install", "record", "open"].contains($0) } == ["install", "record", "open"])
    #expect(world.enforcer.entry("c1")?.revision != former)
    #expect(world.enforcer.entry("c1")?.policy?.isRecorded == true)
    let end = try steps { try setRecorded(false) }
    #expect(
      end.filter { ["install", "open", "stop recording"].contains($0) } == ["install", "open", "stop recording"])
    #expect(world.enforcer.entry("c1")?.policy?.isRecorded == false)
    #expect(world.enforcer.summaries.allSatisfy { !$0.hasOlderText })
  }

  @Test("if the container cannot be pointed at the policy, it keeps what it had, and nothing is recorded")
  func failed() throws {
    let former = world.enforcer.entry("c1")?.revision
    world.kernel.refuseOnce("open")
    let steps = steps { #expect(throws: BackendError.self) { try setRecorded(true) } }
    #expect(steps.last == "stop recording")
    #expect(world.enforcer.entry("c1")?.revision == former)
    #expect(world.enforcer.entry("c1")?.policy?.isRecorded == false)
  }

  @Test("a container that gets a new text of its profile meanwhile is still recorded, and has the new text afterwards")
  func replaced() throws {
    try setRecorded(true)
    try world.enforcer.replace(profile(.audit))
    #expect(world.enforcer.entry("c1")?.policy?.isRecorded == true)
    #expect(world.enforcer.entry("c1")?.text == profile(.audit))
    try setRecorded(false)
    #expect(world.enforcer.entry("c1")?.text == profile(.audit))
  }

  @Test("a container that is adopted anew has its own policy: what a process that ended recorded is over")
  func adopted() throws {
    try setRecorded(true)
    let next = try world.newEnforcer()
    try next.inherit()
    try next.adopt(world.start(), profile: profile(), expectsFilter: false)
    #expect(next.entry("c1")?.policy?.isRecorded == false)
    #expect(world.kernel.rows[try world.cgroupID]?.revision == next.entry("c1")?.revision)
  }

  @Test("a container that is unknown or closed is not recorded")
  func none() throws {
    #expect(try !world.enforcer.setRecorded("c2", .facts))
    world.enforcer.close(world.start())
    let before = world.kernel.steps
    #expect(try !world.enforcer.setRecorded("c1", .facts))
    #expect(world.kernel.steps == before)
  }
}
