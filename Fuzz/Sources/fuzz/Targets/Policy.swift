@testable import Compilation
@testable import PolicyTesting
@testable import System
@testable import YAML

@testable import BPF
@testable import Policy
@testable import ProfileImport
@testable import Recording
@testable import Seccomp

extension Target {
  private static let profileFiles = [
    Folder(path: "config/profiles", suffix: ".yaml"), Folder(path: "Tests/ProfileCheckTests/Broken", suffix: ".yaml"),
    Folder(path: "hack/demo.d", suffix: ".yaml"),
  ]

  /// A profile, from its text to the kernel's tables. Written and read again, it is the same profile.
  static let profile = Target(name: "profile", files: profileFiles, samples: { randomProfiles }) { input in
    let file = ProfileFile("fuzz.yaml", bytes: input)
    guard let layer = file.layer else {
      return require(!file.problems.isEmpty, "there is nothing that can be used, and nothing is wrong")
    }
    let (profile, problems) = ProfileResolver(layers: [:], lookedIn: "here").join(layer)
    guard file.problems.isEmpty, problems.isEmpty else { return }
    let written = ProfileWriter(profile).text()
    let again = Self.profile(written)
    require(again?.withoutPlaces == profile.withoutPlaces, "it is written as\n\(written)")
    for isRecorded in [false, true] {
      guard let policy = try? PolicyCompiler.compile(profile, isRecorded: isRecorded) else { continue }
      require(policy == (try? PolicyCompiler.compile(profile, isRecorded: isRecorded)), "it is compiled in two ways")
    }
    _ = RulePaths(of: profile)
  }

  private static func profile(_ text: String) -> Profile? {
    guard let layer = try? ProfileLayer.parse(Array(text.utf8), file: "again.yaml") else { return nil }
    return try? ProfileResolver(layers: [:], lookedIn: "here").resolve(layer)
  }

  private static var randomProfiles: [[UInt8]] {
    var random = SplitMix(state: 17)
    return (0..<20).map { _ in Array(ProfileWriter(RandomProfile.profile(&random)).text().utf8) }
  }

  /// The node's configuration, and what it chooses for a pod.
  static let configuration = Target(
    name: "configuration", files: [Folder(path: "config", suffix: ".yaml")],
    samples: { [Array(configurationSample.utf8)] }
  ) { input in
    guard let configuration = try? NodeConfiguration.parse(input, file: "fuzz.yaml") else { return }
    require(configuration.bindings.count <= NodeConfiguration.bindingsMax, "too many bindings")
    require(configuration.eventLabels.count <= NodeConfiguration.eventLabelsMax, "too many labels")
    require(configuration.profilesFolder.hasPrefix("/"), "the folder \(configuration.profilesFolder) is relative")
    let labels = Dictionary(configuration.labelKeys.map { ($0, "web") }) { first, _ in first }
    let container = ContainerContext(name: "app", image: "docker.io/library/nginx:1.27")
    for annotations in [[:], [Annotation.pod: "web"], [Annotation.container + "app": ProfileName.unconfined]] {
      let pod = PodContext(namespace: "shop", labels: labels, annotations: annotations)
      let needsGate = configuration.needsGate(pod: pod) { _ in false }
      // Where nothing needs a gate, no container may get a profile.
      if needsGate { continue }
      guard case .some(.unconfined) = try? configuration.choose(pod: pod, container: container) else {
        require(false, "a pod without a gate has a container with a profile, or one that is refused")
        return
      }
    }
  }

  private static let configurationSample = """
    defaultProfile: base
    allowedProfiles: [web, unconfined]
    eventLabels: [app]
    nodeGate: {enabled: true, parents: [/kubepods], exempt: {staticPods: ['*']}}
    metrics: {listen: '127.0.0.1:9090'}
    bindings:
    - {name: a, namespaces: [shop], podLabels: {app: web}, images: ['nginx:*'], profile: web, required: true}
    - {namespaces: [shop], allowedProfiles: [web, base, unconfined]}
    """

  /// A seccomp filter in OCI's, Docker's and Podman's JSON, for a section `seccomp` of its own.
  static let filter = Target(
    name: "filter",
    files: [Folder(path: "Tests/SeccompTests/Shapes", suffix: ".json"), Folder(path: importFolder, suffix: ".json")]
  ) { input in
    guard let root = try? Node.parseJSON(input, file: "fuzz.json"),
      let filter = try? LocalhostProfile.read(root, file: "fuzz.json")
    else { return }
    for environment in environments {
      let resolved = filter.resolved(in: environment)
      require(resolved.syscalls.count <= filter.rules.count, "there are more rules than the file has")
      _ = (filter.leftOut(in: environment), filter.decidingCapabilities(in: environment))
      writeAgain(resolved)
    }
  }

  /// A filter in a profile's own text is the same filter.
  private static func writeAgain(_ filter: SeccompFilter) {
    var profile = Profile(name: "fuzz", file: "")
    profile.seccomp = SeccompSection(source: .inline(filter), location: Location(file: "", line: 1))
    let written = ProfileWriter(profile).text()
    // A profile can hold fewer filters than a file of its own.
    guard let again = Self.profile(written) else { return }
    require(again.withoutPlaces.seccomp == profile.withoutPlaces.seccomp, "it is written as\n\(written)")
  }

  private static let environments = [
    SeccompEnvironment(architecture: .x86_64, kernel: KernelVersion(6, 12)),
    SeccompEnvironment(capabilities: ["CAP_SYS_ADMIN"], architecture: .aarch64, kernel: KernelVersion(4, 1)),
  ]

  private static let importFolder = "Tests/ProfileImportTests/Policies"

  /// Policies of other programs. What is made of them is a profile, or an error says why not.
  static let policies = Target(
    name: "policies",
    files: [Folder(path: importFolder, suffix: ".yaml"), Folder(path: importFolder, suffix: ".json")]
  ) { input in
    let found = ProfileImport([("fuzz.yaml", input)], ImportOptions(), environments[0])
    require(!found.profiles.isEmpty || !found.problems.isEmpty, "there is no profile, and no error")
    for problem in found.problems {
      require(!problem.message.contains("the profile that it becomes would be refused"), problem.message)
    }
    if !found.problems.isEmpty { return }
    for imported in found.profiles {
      require(profile(imported.text) != nil, "a profile that cannot be read:\n\(imported.text)")
    }
    require(found.report.utf8.allSatisfy { $0 == 10 || $0 >= 32 }, "the report has control characters")
  }

  /// A recording. Written and read, it is the same one, and the profile that is made of it can be read.
  static let recording = Target(
    name: "recording", files: [Folder(path: "docs", suffix: ".json")], samples: { [Array(recordingSample.utf8)] }
  ) { input in
    guard let recording = try? RecordingFile.parse(input, file: "fuzz.json") else { return }
    let written = RecordingFile.text(of: recording)
    let again = try? RecordingFile.parse(Array(written.utf8), file: "again.json")
    require(again == recording, "it is written as\n\(written)")
    var options = RecordedProfile.Options(name: "fuzz")
    (options.hasArguments, options.showsCounts) = (true, true)
    let made = RecordedProfile(of: [recording], options)
    require(profile(made.text) != nil, "a profile that cannot be read is made of it:\n\(made.text)")
  }

  private static let recordingSample = #"""
    {"apiVersion": "stockade.dev/v1alpha1", "kind": "Recording", "workload": "web", "image": "nginx", "tier": "lsm",
    "began": "2026-01-31T09:30:00.000000000Z", "seconds": 60,
    "losses": [{"counter":"events","count":2}], "unseen": [{"part":"capabilities","reason":"no hook"}],
    "execs": [{"path":"/usr/sbin/nginx","entrypoint":true,"arguments":["nginx","-g\\x0a"],"count":1}],
    "mappings": [{"path":"/lib/libc.so.6","new":true,"fileless":false,"count":3}],
    "files": [{"path":"/etc/passwd","access":"Read","count":1},{"path":"/tmp/a\\xff","access":"Write","count":9}],
    "connections": [{"direction":"egress","address":"10.0.0.1","protocol":"TCP","port":443,"count":3}],
    "binds": [{"protocol":"UDP","port":53,"count":1}], "surfaces": [{"name":"mount","count":1}],
    "families": [{"name":"inet","count":1}], "capabilities": [{"name":"CAP_CHOWN","count":1}],
    "syscalls": [{"architecture":"SCMP_ARCH_X86_64","name":"read"}]}
    """#
}
