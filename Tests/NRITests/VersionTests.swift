import Testing

@testable import NRI

@Suite("versions")
struct VersionTests {
  @Test(
    "versions are read as runtimes write them",
    arguments: [
      ("v0.12.0", NRIVersion(0, 12)), ("0.6.1", NRIVersion(0, 6)), ("v1.0", NRIVersion(1, 0)),
      ("0.9-rc1", NRIVersion(0, 9)),
      ("", nil), ("v", nil), ("12", nil), ("(devel)", nil), ("v0.", nil), ("v.12", nil), ("v-1.2", nil), ("0.x", nil),
    ])
  func reading(text: String, version: NRIVersion?) { #expect(NRIVersion(text) == version) }

  @Test(
    "what a runtime takes is known by its NRI version, else by its own",
    arguments: [
      ("containerd", "1.7.24", "", 6), ("containerd", "v2.1.9", "", 6), ("containerd", "2.2.0-rc.0", "", 10),
      ("containerd", "3.0.0", "", 10), ("containerd", "", "", 6), ("cri-o", "1.33.9", "", 6),
      ("CRI-O", "1.34.0", "", 10),
      ("crio", "2.0.0", "", 10), ("other", "9.9.9", "", 6), ("other", "", "v0.12.1", 12),
      ("containerd", "1.7.24", "v0.11.0", 11),
      ("containerd", "2.3.4", "(devel)", 10),
    ])
  func features(name: String, version: String, nri: String, minor: Int) {
    var configuration = Configuration()
    (configuration.runtimeName, configuration.runtimeVersion, configuration.nriVersion) = (name, version, nri)
    #expect(configuration.features == RuntimeFeatures(of: NRIVersion(0, minor)))
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
