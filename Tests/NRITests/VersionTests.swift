import Testing

@testable import NRI

@Suite("versions")
struct VersionTests {
  @Test(
    "what a runtime takes is known by its NRI version, else by its own",
    arguments: [
      ("containerd", "1.7.24", "", 6), ("containerd", "v1.7.24", "", 6), ("containerd", "1.7.24~ds1", "", 6),
      ("containerd", "2.0.0", "", 6), ("containerd", "2.0.7", "", 6), ("containerd", "2.1.9", "", 6),
      ("containerd", "2.1.9~ds1", "", 6), ("containerd", "2.2.0-rc.1", "", 6),
      ("containerd", "2.2.0~rc1~ds1", "", 6), ("containerd", "2.2.0-beta.0", "", 6),
      ("containerd", "v2.2.0", "", 10), ("containerd", "2.2.0", "", 10),
      ("containerd", "2.2.1", "", 10), ("containerd", "2.2.4-k3s1", "", 10),
      ("containerd", "2.2.7", "", 10), ("containerd", "2.2.7+unknown", "", 10),
      ("containerd", "2.2", "", 10), ("containerd", "2.10.0", "", 10),
      ("containerd", "2.3.0-rc.1", "", 10), ("containerd", "2.3.4", "", 10),
      ("containerd", "2.3.4", "0.12.0", 12), ("containerd", "2.3.4+unknown", "v0.12.2", 12),
      ("containerd", "garbage", "0.12.0", 12), ("something", "1", "0.12.0", 12),
      ("containerd", "3.0.0", "1.0.0", 12),
      ("containerd", "2.2.0", "0.10.0", 10), ("containerd", "2.2.7", "0.11.0", 11),
      ("containerd", "2.3.0", "0.12.0-rc.1", 11), ("containerd", "2.3.4", "0.9.0", 9),
      ("containerd", "2.3.4", "(devel)", 10), ("containerd", "2.1.9", "(devel)", 6),
      ("cri-o", "1.33.5", "", 6), ("cri-o", "1.34.0", "", 10), ("CRI-O", "1.34.2", "", 10),
      ("cri-o", "1.34.0-dev", "", 6), ("cri-o", "1.36.0", "0.12.0", 12), ("cri-o", "2.2.0", "", 10),
      ("docker", "29.1.0", "", 6), ("", "", "", 6), ("containerd", "", "", 6), ("containerd", "2", "", 6),
      ("containerd", "unknown", "", 6), ("containerd", "2.2.0.1", "", 6), ("containerd", "2..2", "", 6),
      ("containerd", "-2.2.0", "", 6), ("containerd", "2.x.0", "", 6), ("containerd", "2.2.0 ", "", 6),
      ("containerd", "99999999999999999999.0.0", "", 6), ("containerd", "\u{0}2.2.0", "", 6),
      ("other", "9.9.9", "", 6), ("other", "", "v0.12.1", 12), ("containerd", "1.7.24", "v0.11.0", 11),
      ("containerd", "2.3.4", "0.9-rc1", 8), ("containerd", "2.3.4", "0.1.0", 6), ("containerd", "2.3.4", "v0.", 10),
      ("containerd", "2.3.4", "0.x", 10), ("containerd", "2.3.4", "v-1.2", 10),
    ] as [(String, String, String, Int)])
  func features(name: String, version: String, nri: String, minor: Int) {
    var configuration = Configuration()
    (configuration.runtimeName, configuration.runtimeVersion, configuration.nriVersion) = (name, version, nri)
    #expect(configuration.features == RuntimeFeatures(of: NRIVersion(0, minor)))
  }

  @Test(
    "what a runtime tells of the pod's filter is known by its versions",
    arguments: [
      ("containerd", "1.7.24", "", .nothing), ("containerd", "2.1.9", "", .nothing),
      ("containerd", "2.2.0", "", .nothing), ("containerd", "2.2.1", "", .profile),
      ("containerd", "v2.2.7", "", .profile), ("containerd", "2.3.0-beta.0", "", .profile),
      ("containerd", "2.3.4", "v0.12.0", .filter), ("containerd", "2.4.0", "0.12.2", .filter),
      ("containerd", "2.2.7", "0.11.0", .profile), ("containerd", "2.2.0", "0.12.0-rc.1", .nothing),
      ("cri-o", "1.34.0", "", .nothing), ("cri-o", "1.36.0", "0.12.0", .nothing), ("", "", "", .nothing),
    ] as [(String, String, String, FilterReport)])
  func filterReport(name: String, version: String, nri: String, report: FilterReport) {
    var configuration = Configuration()
    (configuration.runtimeName, configuration.runtimeVersion, configuration.nriVersion) = (name, version, nri)
    #expect(configuration.filterReport == report)
  }

  @Test("a version text is read up to its limit, not past it")
  func versionLength() {
    #expect(RuntimeVersion("2.2.0+" + String(repeating: "x", count: 122)) != nil)
    #expect(RuntimeVersion("2.2.0+" + String(repeating: "x", count: 123)) == nil)
  }

  @Test("the events have the numbers and the methods of the NRI API")
  func events() {
    #expect(Event.allCases.map(\.rawValue) == Array(1...14))
    #expect(Event.allCases.reduce(into: []) { $0.formUnion($1.mask) } == EventMask.fromNRI010)
    #expect(Event.runPodSandbox.method == "RunPodSandbox")
    #expect(Event.validateContainerAdjustment.mask == .validateContainerAdjustment)
    for event in Event.allCases { #expect(Event(method: event.method) == event) }
    #expect(Event(method: "Configure") == nil)
  }
}
