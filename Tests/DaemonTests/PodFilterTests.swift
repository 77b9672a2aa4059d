import Daemon
import EnforcementTesting
import InMemoryLogging
import Logging
import NRI
import Policy
import Testing

/// A filter that every runtime with NRI 0.10 carries, and another one.
private let filter =
  "type: Inline, defaultAction: SCMP_ACT_ALLOW, syscalls: [{names: [mount], action: SCMP_ACT_ERRNO}]"
private let otherFilter =
  "type: Inline, defaultAction: SCMP_ACT_ALLOW, syscalls: [{names: [chroot], action: SCMP_ACT_ERRNO}]"

private func profile(_ seccomp: String, _ rest: String = "mode: Enforce") -> String {
  "metadata: {name: p}\nspec: {\(rest), seccomp: {\(seccomp)}}\n"
}

/// What a pod brings, as a runtime tells it.
private func container(_ kind: SecurityProfile.Kind?, file: String = "", hasFilter: Bool = false) -> Container {
  var container = container()
  container.seccompProfile = kind.map { SecurityProfile($0, localhostReference: file) }
  if hasFilter {
    container.seccompPolicy = LinuxSeccomp()
    container.seccompPolicy?.defaultAction = "SCMP_ACT_ERRNO"
  }
  return container
}

/// What becomes of the seccomp profile that a pod brings.
@Suite struct PodFilterTests {
  private let log = InMemoryLogHandler()

  private var logger: Logger { Logger(label: "test") { _ in log } }

  private func plugin(_ text: String, _ runtime: NRI.Configuration) throws -> Plugin {
    let plugin = try DaemonTests.plugin(profiles: library([text]), log: logger)
    _ = try plugin.configure(runtime)
    return plugin
  }

  private var replaced: [String] { log.entries.compactMap { $0.metadata["replaced"].map { "\($0)" } } }

  private static let unknown = "not known, because the runtime does not tell"
  private static let v220 = runtime("2.2.0")
  private static let v227 = runtime("2.2.7")
  private static let v234 = runtime("2.3.4", nri: "v0.12.0")

  @Test(
    "a profile's filter replaces every other than a file of the pod's, and what it replaces is told once",
    arguments: [
      (v220, container(nil), unknown), (v227, container(nil), nil), (v227, container(.unconfined), nil),
      (v227, container(.runtimeDefault), "RuntimeDefault"), (v234, container(nil), nil),
      (v234, container(.unconfined), nil), (v234, container(.runtimeDefault, hasFilter: true), "RuntimeDefault"),
      (v234, container(nil, hasFilter: true), "what the runtime sets by itself"),
      (v234, container(.unconfined, hasFilter: true), "what the runtime sets by itself"),
      // Privileged.
      (v234, container(.runtimeDefault), nil), (v234, container(.localhost, file: "a.json"), nil),
    ])
  func replaces(runtime: NRI.Configuration, container: Container, told: String?) throws {
    let plugin = try plugin(profile(filter), runtime)
    #expect(try plugin.createContainer(pod: pod([all: "p"]), container: container) != nil)
    #expect(replaced == (told.map { [$0] } ?? []))
    #expect(log.entries.allSatisfy { $0.level <= .info })
  }

  @Test("a type that Stockade does not know is told as not known")
  func unknownType() throws {
    var container = container(.localhost, hasFilter: true)
    container.seccompProfile?.kind = 3
    _ = try plugin(profile(filter), Self.v234).createContainer(pod: pod([all: "p"]), container: container)
    #expect(replaced == [Self.unknown])
  }

  @Test("that a filter gives way to one that denies nothing is a warning")
  func audit() throws {
    let plugin = try plugin(profile(filter, "mode: Audit"), Self.v227)
    _ = try plugin.createContainer(pod: pod([all: "p"]), container: container(.runtimeDefault))
    #expect(log.entries.filter { $0.metadata["replaced"] != nil }.map(\.level) == [.warning])
  }

  private static let ownFile = [
    (v227, container(.localhost, file: "shop/web.json")),
    (v234, container(.localhost, file: "shop/web.json", hasFilter: true)),
  ]

  @Test("a file that the pod names refuses the container under Fail", arguments: ownFile)
  func refuses(runtime: NRI.Configuration, container: Container) throws {
    let plugin = try plugin(profile(filter), runtime)
    let error = #expect(throws: Refusal.self) {
      try plugin.createContainer(pod: pod([all: "p"]), container: container)
    }
    #expect(
      error?.description == """
        profile "p": the pod brings a seccomp profile of its own, Localhost "shop/web.json", which spec.seccomp would \
        replace; use a profile without spec.seccomp, or set seccomp.replacesPod: true
        """)
    #expect(replaced.isEmpty)
  }

  @Test("the profile's filter replaces it where the profile says so, and that is told", arguments: ownFile)
  func replacesFile(runtime: NRI.Configuration, container: Container) throws {
    let plugin = try plugin(profile(filter + ", replacesPod: true"), runtime)
    let policy = try plugin.createContainer(pod: pod([all: "p"]), container: container)
    #expect(policy?.syscalls.first?.names == ["mount"])
    #expect(replaced == ["Localhost \"shop/web.json\""])
  }

  @Test("a profile without seccomp has nothing to say of it", arguments: ownFile)
  func noSection(runtime: NRI.Configuration, container: Container) throws {
    let plugin = try plugin("metadata: {name: p}\nspec: {mode: Enforce}\n", runtime)
    #expect(try plugin.createContainer(pod: pod([all: "p"]), container: container) == nil)
    #expect(log.entries.allSatisfy { $0.level <= .info } && replaced.isEmpty)
  }
}

/// With a process that stands for the container's.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct KeptPodFilterTests {
  private let log = InMemoryLogHandler()
  private let world: EnforcerWorld

  init() throws { world = try EnforcerWorld(tier: .signal) }

  private var gaps: [String] {
    log.entries.filter { $0.level == .warning }.compactMap { $0.metadata["gap"].map { "\($0)" } }
  }

  private func plugin(_ library: LoadedProfiles) throws -> Plugin {
    let plugin = try DaemonTests.plugin(
      profiles: library, enforcer: world.enforcer, log: Logger(label: "test") { [log] _ in log })
    _ = try plugin.configure(runtime("2.3.4", nri: "v0.12.0"))
    return plugin
  }

  private func bringing() -> Container {
    var bringing = world.container()
    bringing.seccompProfile = SecurityProfile(.localhost, localhostReference: "web.json")
    bringing.seccompPolicy = LinuxSeccomp()
    return bringing
  }

  private static let kept = "the pod brings a seccomp profile of its own, Localhost \"web.json\""

  @Test("under Ignore the container starts with the file that its pod names, and that is told once")
  func ignored() throws {
    let plugin = try plugin(library([profile(filter, "failurePolicy: Ignore")]))
    let (pod, container) = (pod([all: "p"]), bringing())
    #expect(try plugin.createContainer(pod: pod, container: container) == nil)
    try plugin.validateContainerAdjustment(pod: pod, container: container, policy: nil)
    try plugin.startContainer(pod: pod, container: container)
    #expect(gaps.count == 1 && gaps[0].contains(Self.kept))
    #expect(!log.entries.contains { $0.metadata["replaced"] != nil })
  }

  @Test("of a container that runs already it is told too, and refuses nothing", arguments: ["Ignore", "Fail"])
  func adopted(failurePolicy: String) throws {
    let plugin = try plugin(library([profile(filter, "failurePolicy: \(failurePolicy)")]))
    try plugin.synchronize(pods: [pod([all: "p"])], containers: [bringing()])
    #expect(gaps.count == 1 && gaps[0].contains(Self.kept))
    #expect(log.entries.contains { $0.message == "adopted" })
  }

  @Test(
    "what a container without a filter lacks is told when it is adopted",
    .enabled(if: !EnforcerWorld.isFiltered, "the tests themselves run under a seccomp filter"),
    arguments: [profile(filter), "metadata: {name: p}\nspec: {requireFilter: true}\n"])
  func adoptedWithout(text: String) throws {
    try plugin(library([text])).synchronize(pods: [pod([all: "p"])], containers: [world.container()])
    #expect(gaps.count == 1 && gaps[0].contains("process \(world.pid) has no seccomp filter"))
    #expect(log.entries.last { $0.message == "not enforced" || $0.message == "adopted" }?.message == "adopted")
  }

  private static let changed = "the profile got another seccomp filter after the container was created"

  @Test(
    "what a text that comes between Create and Start says of the pod's file is judged by what was sent",
    arguments: [
      (filter, filter, kept), (filter, filter + ", replacesPod: true", changed),
      (filter + ", replacesPod: true", filter, nil),
    ])
  func between(created: String, started: String, gap: String?) throws {
    let folder = try ProfilesFolder([profile(created, "failurePolicy: Ignore")])
    let library = folder.library
    _ = library.reload()
    let (plugin, pod, container) = (try plugin(library), pod([all: "p"]), bringing())
    let policy = try plugin.createContainer(pod: pod, container: container)
    try folder.write(profile(started, "failurePolicy: Ignore"))
    let stale = library.reload().staleFilters
    #expect(stale == (created == started ? [] : ["p"]))
    try plugin.startContainer(pod: pod, container: container)
    #expect((policy == nil) == (created == filter))
    // The process has no filter, which is told where one was sent.
    let others = gaps.filter { !$0.contains("has no seccomp filter") }
    #expect(gap.map { gap in others.contains { $0.contains(gap) } } ?? others.isEmpty)
  }

  @Test("another filter that comes between them is not the container's, and refuses the start under Fail")
  func otherBetween() throws {
    let folder = try ProfilesFolder([profile(filter + ", replacesPod: true")])
    let library = folder.library
    _ = library.reload()
    let (plugin, pod) = (try plugin(library), pod([all: "p"]))
    _ = try plugin.createContainer(pod: pod, container: bringing())
    try folder.write(profile(otherFilter))
    _ = library.reload()
    let error = #expect(throws: Refusal.self) { try plugin.startContainer(pod: pod, container: bringing()) }
    #expect(error?.description.contains(Self.changed) == true)
  }
}
