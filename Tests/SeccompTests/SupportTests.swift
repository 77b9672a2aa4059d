import Policy
import Testing

@testable import Seccomp

private let errnoNeeded = filter(rule("read"), rule("clone3", action: "SCMP_ACT_ERRNO", errno: 38))

@Suite struct SeccompSupportTests {
  @Test("a runtime that ignores filters gets none, with the reason")
  func none() throws {
    let support = SeccompSupport.ignored(by: "containerd 2.1.9")
    let resolved = try resolved(filter(rule("read")))
    #expect(
      message { _ = try adapt(resolved, to: support) }
        == "profiles/web.yaml:7: no seccomp filter can be set: containerd 2.1.9 ignores a seccomp policy, as far as its "
        + "version tells; "
        + "use containerd 2.2 or newer, or CRI-O 1.34 or newer")
  }

  @Test("where errno is not carried, EPERM is left unsaid and anything else refused with the version that is needed")
  func withoutErrno() throws {
    let permission = try resolved(filter(rule("read"), rule("dup", action: "SCMP_ACT_ERRNO", errno: 1)))
    let adapted = try adapt(permission, to: .withoutErrno).filter
    #expect(adapted.defaultErrno == nil)
    #expect(adapted.syscalls.allSatisfy { $0.errnoReturn == nil })
    #expect(
      message { _ = try adapt(try resolved(errnoNeeded), to: .withoutErrno) }
        == "profiles/web.yaml:9: SCMP_ACT_ERRNO with errno 38 for \"clone3\" needs NRI 0.12 (containerd 2.3); "
        + "with this runtime only 1 (EPERM) is possible: use another filter, or remove spec.seccomp to keep the "
        + "filter that the pod has")
    #expect(throws: Never.self) { try adapt(try resolved(errnoNeeded), to: .full) }
  }

  @Test("the runtime's default needs errno, since programs make no threads where clone3 answers EPERM")
  func runtimeDefaultNeedsErrno() throws {
    let resolved = try runtimeDefault(intel)
    #expect(message { _ = try adapt(resolved, to: .withoutErrno) }.contains("with errno 38 for"))
    #expect(throws: Never.self) { try adapt(resolved, to: .full) }
  }

  @Test("what is sent is never empty: it has a default action, and denies or logs something")
  func neverEmpty() throws {
    let filters = [
      filter(), filter(rule("read")), filter(default: "SCMP_ACT_LOG"),
      filter(default: "SCMP_ACT_ALLOW", rule("mount", action: "SCMP_ACT_ERRNO")),
    ]
    for mode in Mode.allCases {
      var sections = filters.map { SeccompSection(source: .inline($0), location: here) }
      sections.append(SeccompSection(source: .runtimeDefault, location: here))
      for section in sections {
        let resolved = try resolve(section, profilesFolder: "/nonexistent", mode: mode, environment: intel)
        let sent = try adapt(resolved, to: .full).filter
        let actions = [sent.defaultAction] + sent.syscalls.map(\.action)
        #expect(actions.contains { $0 != "SCMP_ACT_ALLOW" }, "\(mode) \(section)")
        #expect(actions.allSatisfy(FilterAction.words.contains))
      }
    }
  }

  @Test("the default errno is never sent, since the runtime drops it")
  func defaultErrno() throws {
    var permission = filter(rule("read"))
    permission.defaultErrno = 1
    for support in [SeccompSupport.withoutErrno, .full] {
      #expect(try adapt(try resolved(permission), to: support).filter.defaultErrno == nil)
    }
  }

  @Test("clone3 answers ENOSYS where errno is carried, so that programs can make threads by clone")
  func optional() throws {
    let resolved = try resolved(filter(rule("read")))
    let full = try FilterProgram(try adapt(resolved, to: .full).filter, architecture: .x86_64, at: here)
    #expect(full.decide("clone3", on: "SCMP_ARCH_X86_64") == .errno(38))
    let adapted = try adapt(resolved, to: .withoutErrno)
    let without = try FilterProgram(adapted.filter, architecture: .x86_64, at: here)
    #expect(without.decide("clone3", on: "SCMP_ARCH_X86_64") == .errno(1))
    #expect(
      adapted.notes.map(\.description).last?.hasPrefix("clone3 answers EPERM in place of ENOSYS before NRI 0.12")
        == true)
  }
}

@Suite struct SeccompStatusTests {
  @Test(
    "a process is under a filter when its status says mode 2 and counts at least one",
    arguments: [
      ("Name:\trunc\nSeccomp:\t2\nSeccomp_filters:\t1\n", true), ("Seccomp:\t2\n", true),
      ("Seccomp:\t2\nSeccomp_filters:\t3", true), ("Seccomp:\t0\nSeccomp_filters:\t0\n", false),
      ("Seccomp:\t1\nSeccomp_filters:\t0\n", false), ("Seccomp:\t2\nSeccomp_filters:\t0\n", false), ("", false),
      ("Seccomp_filters:\t1\n", false), ("Seccomp:\t2\nSeccomp:\t2\n", false), ("Seccomp:\tx\n", false),
      ("Seccomp:\t2\nSeccomp_filters:\tx\n", false), ("Name:\tSeccomp:\t2\n", false), ("Seccomp: 2\n", false),
      ("Name:\tx\\nSeccomp:\t2\n", false), (" Seccomp:\t2\n", false),
    ])
  func active(_ text: String, _ expected: Bool) {
    #expect(filterIsActive(statusText: text, parent: "Seccomp:\t0\nSeccomp_filters:\t0\n") == expected)
  }

  @Test(
    "what the runtime's own process already has does not count",
    arguments: [
      ("Seccomp:\t2\nSeccomp_filters:\t1\n", false), ("Seccomp:\t2\nSeccomp_filters:\t2\n", false),
      ("Seccomp:\t2\nSeccomp_filters:\t0\n", true), ("Seccomp:\t0\nSeccomp_filters:\t0\n", true),
      ("Seccomp:\t2\n", false),
      ("", false),
    ])
  func inherited(_ parent: String, _ expected: Bool) {
    #expect(filterIsActive(statusText: "Seccomp:\t2\nSeccomp_filters:\t1\n", parent: parent) == expected)
  }

  @Test("one filter more than the parent's is the container's")
  func oneMore() {
    #expect(
      filterIsActive(
        statusText: "Seccomp:\t2\nSeccomp_filters:\t3\n", parent: "Seccomp:\t2\nSeccomp_filters:\t2\n"))
  }
}
