import Policy
import PolicyTesting
import System
import Testing
import YAML

/// Profiles as text.
struct ProfileWriterTests {
  private func parsed(_ text: String) throws -> Profile {
    let layer = try ProfileLayer.parse(Array(text.utf8), file: "written.yaml")
    return try ProfileResolver(layers: [:], lookedIn: "here").resolve(layer)
  }

  @Test("a written profile is the same profile when it is read", arguments: 0..<20 as Range<UInt64>)
  func roundTrip(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    for _ in 0..<40 {
      let profile = RandomProfile.profile(&random)
      let text = ProfileWriter(profile).text()
      let read = try parsed(text)
      #expect(read.withoutPlaces == profile.withoutPlaces, "\(text)")
      #expect(ProfileWriter(read).text() == text)
    }
  }

  @Test(
    "a profile that ships is the same profile when it is written and read",
    arguments: try! Files.names(in: "\(root)/config/profiles").filter { $0.hasSuffix(".yaml") })
  func shipped(_ name: String) throws {
    let folder = try ProfileFolder(reading: "\(root)/config/profiles")
    let layer = try #require(folder.layers.first { $0.location.file.hasSuffix("/\(name)") })
    let profile = try ProfileResolver(folder).resolve(layer)
    let text = ProfileWriter(profile).text()
    #expect(try parsed(text).withoutPlaces == profile.withoutPlaces)
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= YAMLWriter.columns })
  }

  @Test("the sections stand in lines, short rules in brackets, and comments where they were put")
  func layout() throws {
    let text = """
      # Recorded on node-1.
      #
      # Two runs.
      apiVersion: stockade.dev/v1alpha1
      kind: SecurityProfile
      metadata: {name: web}
      spec:
        # Nothing else ran.
        process:
          defaultAction: Block
          rules:
          # The server.
          - {path: /usr/sbin/nginx, action: Allow} # 12 times
          - {path: '/opt/a b', action: Allow, tags: ['1']}
        network:
          egress: {defaultAction: Block} # none was seen
        kernel:
          block: [mount, bpf]

      """
    var comments = YAMLComments()
    comments.head = ["Recorded on node-1.", "", "Two runs."]
    comments.above = ["spec.process": ["Nothing else ran."], "spec.process.rules[0]": ["The server."]]
    comments.beside = ["spec.process.rules[0]": "12 times", "spec.network.egress": "none was seen"]
    #expect(ProfileWriter(try parsed(text)).text(comments) == text)
  }

  @Test("what is too long for a line stands in several, and a comment beside it above")
  func longRules() throws {
    let path = "/" + String(repeating: "d", count: 90)
    var profile = Profile(name: "long", file: "")
    profile.process = .section(
      .allow, .path(path, .allow, new: true, ArgumentRule(kind: .equals, text: "x", index: 1, action: .block)))
    var filter = SeccompFilter(defaultAction: "SCMP_ACT_ERRNO")
    filter.syscalls = [SeccompFilter.Rule(names: (10..<40).map { "call\($0)" }, action: "SCMP_ACT_ALLOW")]
    profile.seccomp = SeccompSection(source: .inline(filter), location: Location(file: "", line: 1))
    var comments = YAMLComments()
    comments.beside["spec.process.rules[0]"] = "3 times"
    let expected = """
      spec:
        seccomp:
          type: Inline
          defaultAction: SCMP_ACT_ERRNO
          syscalls:
          - names: [call10, call11, call12, call13, call14, call15, call16, call17, call18, call19, call20, call21, call22,
              call23, call24, call25, call26, call27, call28, call29, call30, call31, call32, call33, call34, call35, call36,
              call37, call38, call39]
            action: SCMP_ACT_ALLOW
        process:
          rules:
          # 3 times
          - path: \(path)
            action: Allow
            new: true
            arguments:
            - {equals: x, index: 1, action: Block}

      """
    let text = ProfileWriter(profile).text(comments)
    #expect(text.hasSuffix(expected), "\(text)")
    #expect(try parsed(text).withoutPlaces == profile.withoutPlaces)
  }

  @Test("a profile that says nothing names its mode, and an empty section its default action")
  func empty() throws {
    var profile = Profile(name: "empty", file: "")
    #expect(ProfileWriter(profile).text().hasSuffix("spec:\n  mode: Enforce\n"))
    profile.process = ProcessSection()
    profile.network.ingress = NetworkDirection()
    let text = ProfileWriter(profile, extends: ["base"]).text()
    #expect(
      text.hasSuffix(
        """
        spec:
          extends: [base]
          process: {defaultAction: Allow}
          network:
            ingress: {defaultAction: Allow}

        """), "\(text)")
  }

  @Test("no comment ends early, however it is written", arguments: RandomProfile.texts)
  func comments(_ text: String) throws {
    var profile = Profile(name: "c", file: "")
    profile.kernelBlock = [.mount]
    let hostile = "a\(text)b\nspec: {mode: Audit}\r\(text)"
    var comments = YAMLComments()
    comments.head = [hostile]
    comments.above["spec.kernel.block"] = [hostile]
    comments.beside["spec.kernel"] = hostile
    #expect(try parsed(ProfileWriter(profile).text(comments)).withoutPlaces == profile.withoutPlaces)
  }

  @Test("a long comment is wrapped at its words")
  func wrapped() {
    var comments = YAMLComments()
    comments.head = [String(repeating: "word ", count: 60)]
    let lines = YAMLWriter.text([("a", 1)], comments: comments).split(separator: "\n")
    #expect(lines.count == 4 && lines.allSatisfy { $0.count <= YAMLWriter.columns })
  }
}
