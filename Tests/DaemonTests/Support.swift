import Daemon
import Enforcement
import Glibc
import Logging
import NRI
import Policy
import Seccomp
import System

let environment = SeccompEnvironment(architecture: .x86_64, kernel: KernelVersion(6, 12))

/// A folder of profiles, which goes with the value.
final class ProfilesFolder {
  let path = "/tmp/stockade-profiles-\(UInt64.random(in: 0...UInt64.max))"

  init(_ profiles: [String] = []) throws {
    try Files.makeFolder(path)
    for (index, text) in profiles.enumerated() { try write(text, index) }
  }

  deinit {
    for name in (try? Files.names(in: path)) ?? [] { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  func write(_ text: String, _ index: Int = 0) throws {
    let head = "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\n"
    try Files.write(head + text, to: "\(path)/\(index).yaml")
  }

  /// Not read yet.
  var library: LoadedProfiles { LoadedProfiles(folder: path, environment: environment) }
}

func library(_ profiles: [String]) throws -> LoadedProfiles {
  let folder = try ProfilesFolder(profiles)
  let library = folder.library
  _ = library.reload()
  return library
}

let profiles = [
  "metadata: {name: filtered}\nspec: {seccomp: {type: RuntimeDefault}}\n",
  "metadata: {name: filtered-if-possible}\nspec: {failurePolicy: Ignore, seccomp: {type: RuntimeDefault}}\n",
  "metadata: {name: exec}\nspec: {process: {rules: [{path: /bin/id, action: Block}]}}\n",
]

/// - Parameter enforcer: nil: of a node that takes no BPF at all.
func plugin(
  _ configuration: String = "", profiles library: LoadedProfiles? = nil, enforcer: Enforcer? = nil,
  log: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, idle: IdleReports? = nil,
  didConfigure: @escaping () -> Void = {}
) throws -> Plugin {
  let library = try library ?? DaemonTests.library(profiles)
  let enforcer =
    enforcer
    ?? Enforcer(
      kernel: nil, hierarchy: CgroupHierarchy(layout: .v1, root: nil), runtimeMountNamespace: 1,
      noKernelReason: "a test")
  return Plugin(enforcer: enforcer, log: log, idle: idle, didConfigure: didConfigure) { text in
    let parsed = try NodeConfiguration.parse(Array((configuration + text).utf8), file: "node.yaml")
    return Settings(configuration: parsed, profiles: library)
  }
}

func runtime(_ version: String, nri: String = "", config: String = "") -> NRI.Configuration {
  var message = NRI.Configuration()
  message.runtimeName = "containerd"
  message.runtimeVersion = version
  message.nriVersion = nri
  message.config = config
  return message
}

func pod(_ annotations: [String: String] = [:]) -> PodSandbox {
  var pod = PodSandbox()
  pod.id = "s1"
  pod.namespace = "shop"
  pod.name = "web"
  pod.annotations = annotations
  return pod
}

func container() -> Container {
  var container = Container()
  container.id = "c1"
  container.name = "app"
  container.cgroupsPath = "/k8s.io/c1"
  return container
}

/// The annotation for all containers.
let all = "profile.stockade.dev"

/// Does nothing in a call but what a test says.
protocol SilentHandler: PluginHandler {}

extension SilentHandler {
  var needs: ObjectNeeds { .everything }
  func cannotSynchronize(_ reason: NRIError) {}
  func endedUntold() {}
  func synchronize(pods: [PodSandbox], containers: [Container]) throws {}
  func runPodSandbox(_ pod: PodSandbox) throws {}
  func stopPodSandbox(_ pod: PodSandbox) throws {}
  func removePodSandbox(_ pod: PodSandbox) throws {}
  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? { nil }
  func startContainer(pod: PodSandbox, container: Container) throws {}
  func stopContainer(pod: PodSandbox, container: Container) throws {}
  func removeContainer(pod: PodSandbox, container: Container) throws {}
  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws {}
  func shutdown() {}
}
