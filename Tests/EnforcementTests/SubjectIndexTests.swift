import BPF
import EnforcementTesting
import Policy
import Synchronization
import System
import Testing

@testable import Enforcement

/// Who a cgroup and a revision stand for.
struct SubjectIndexTests {
  private let index = SubjectIndex()

  private func subject(_ id: String) -> Subject {
    Subject(containerID: id, containerName: "app", podName: "", podNamespace: "", podUID: "", image: "")
  }

  private func found(_ cgroupID: CgroupID, _ revision: Revision? = nil) -> String? {
    index.find(cgroupID, revision).map { "\($0.subject.containerID) \($0.profile?.name ?? "-")" }
  }

  @Test("a container is known with the profile of the revision, or else its own profile's name")
  func known() {
    index.insert(subject("c1"), profile: "web", 7)
    index.insert(Profile(name: "web of before", file: "w.yaml"), 1)
    #expect(found(7) == "c1 web" && found(7, 2) == "c1 web" && found(7, 1) == "c1 web of before")
    #expect(found(8) == nil && found(8, 1) == nil)
    index.insert(subject("c2"), profile: nil, 8)
    #expect(found(8) == "c2 -")
  }

  @Test("who ended, and a policy that was replaced, are remembered; beyond the limit the oldest is forgotten")
  func remembered() {
    let limit = UInt64(SubjectIndex.rememberedMax)
    for number in 0...limit {
      index.insert(subject("c\(number)"), profile: "own", CgroupID(number))
      index.insert(Profile(name: "p\(number)", file: ""), Revision(number))
    }
    #expect(found(0, 0) == "c0 p0", "what runs and is in force is not limited")
    for number in 0...limit {
      index.end("c\(number)", CgroupID(number))
      index.retire(Revision(number))
    }
    #expect(found(0, 0) == nil && found(1, 1) == "c1 p1" && found(1, 0) == "c1 own")
    #expect(found(CgroupID(limit), Revision(limit)) == "c\(limit) p\(limit)")
  }

  @Test("what is said of a cgroup's former container leaves the present one alone")
  func another() {
    index.insert(subject("orphan:7"), profile: nil, 7)
    index.insert(subject("c1"), profile: "web", 7)
    index.remove("orphan:7", 7)
    index.end("orphan:7", 7)
    #expect(found(7) == "c1 web")
    index.remove("c1", 7)
    #expect(found(7) == nil)
  }

  @Test("a pod with a gate is known until the gate is gone")
  func pods() {
    index.insert(pod: subject(""), 9)
    #expect(found(9) == " -")
    index.remove(pod: 9)
    #expect(found(9) == nil)
  }
}

/// The same beside decisions.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct SubjectsOfDecisionsTests {
  private let world: EnforcerWorld
  private let profile = Profile(name: "web", file: "web.yaml")

  init() throws { world = try EnforcerWorld() }

  /// What is found while the kernel takes a step, with the table's lock held.
  private func found(during step: String, _ body: () throws -> Void) throws -> [String] {
    let (id, subjects) = (try world.cgroupID, world.enforcer.subjects)
    let found = Monitor<[String]>([])
    world.kernel.during(step) {
      let text = subjects.find(id, nil).map { "\($0.subject.containerID) \($0.profile?.name ?? "-")" } ?? "nobody"
      found.withLock { $0.append(text) }
    }
    try body()
    return found.read { $0 }
  }

  @Test("a container is known before its last write, with no lock of the decision's", arguments: ["attach", "open"])
  func starts(step: String) throws {
    let found = try found(during: step) {
      try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    }
    #expect(found == ["c1 web"])
  }

  @Test("while a container ends it is known, and so it is afterwards")
  func ends() throws {
    try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    world.ends()
    #expect(try found(during: "remove") { _ = try world.enforcer.release("c1") } == ["c1 web"])
    #expect(world.enforcer.subjects.find(try world.cgroupID, nil)?.profile?.name == "web")
  }

  @Test("after a start that failed it is known too, and a container that ran on keeps its name")
  func failed() throws {
    world.kernel.refuseOnce("open")
    #expect(throws: EnforcementError.self) {
      try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    }
    #expect(world.enforcer.subjects.find(try world.cgroupID, nil)?.subject.containerID == "c1")
    try world.enforcer.admit(world.start(), beforeGate: true)
    world.kernel.refuseOnce("open")
    #expect(throws: EnforcementError.self) {
      try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    }
    #expect(try #require(world.enforcer.subjects.find(try world.cgroupID, nil)).profile == nil)
  }

  @Test("a pod is known before its gate is closed, and not after that failed")
  func gate() throws {
    let pod = try PodFolder(), id = pod.id, subjects = world.enforcer.subjects
    let found = Monitor<[String]>([])
    world.kernel.during("gate") {
      let text = subjects.find(id, nil)?.subject.podUID ?? "nobody"
      found.withLock { $0.append(text) }
    }
    world.kernel.refuseOnce("gate")
    #expect(throws: EnforcementError.self) { try world.enforcer.closeGate(pod.sandbox("s1")) }
    #expect(subjects.find(pod.id, nil) == nil)
    _ = try world.enforcer.closeGate(pod.sandbox("s1"))
    #expect(found.read { $0 } == [pod.uid, pod.uid])
  }
}
