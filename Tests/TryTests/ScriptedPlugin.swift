import Glibc
import NRI
import System
import Testing

@testable import Try

/// A plugin that does what a test tells it, and writes each call with what was there to see to standard error.
final class ScriptedPlugin: PluginHandler {
  struct Script: Codable, Sendable {
    /// Refuse this call.
    var refused: String?
    /// Deny this syscall with EPERM.
    var deniedSyscall: String?
    var errnoReturn: UInt32?
    /// End the process's side of the session in this call.
    var dies = false
  }

  struct Refusal: Error, CustomStringConvertible { let description = "the script says no" }

  private let script: Script
  init(_ script: Script) { self.script = script }

  private func heard(_ call: String, _ container: Container? = nil) throws {
    let seen = container.map { " \($0.state) \(liveCgroupMembers(of: $0))" } ?? ""
    put("event \(call)\(seen)\n", to: 2)
    if script.refused == call { throw Refusal() }
  }

  /// How many processes the container's cgroup holds in the unified hierarchy; -1 where there is no such cgroup.
  private func liveCgroupMembers(of container: Container) -> Int {
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
    let texts = roots.compactMap { try? Files.text($0 + container.cgroupsPath + "/cgroup.procs") }
    return texts.first?.split(separator: "\n").count ?? -1
  }

  func configure(_ configuration: Configuration) throws -> EventMask {
    try heard("Configure \(configuration.runtimeName) nri=\(configuration.nriVersion) config=\(configuration.config)")
    let all: EventMask = [
      .runPodSandbox, .stopPodSandbox, .removePodSandbox, .createContainer, .startContainer, .stopContainer,
      .removeContainer, .validateContainerAdjustment,
    ]
    return all.intersection(configuration.features.events)
  }

  var needs: ObjectNeeds { .everything }
  func endedUntold() {}
  func cannotSynchronize(_ reason: NRIError) { put("event cannotSynchronize \(reason)\n", to: 2) }
  func synchronize(pods: [PodSandbox], containers: [Container]) throws { try heard("Synchronize") }
  func runPodSandbox(_ pod: PodSandbox) throws {
    try heard("RunPodSandbox")
    for (key, value) in pod.annotations.sorted(by: { $0.key < $1.key }) { put("annotation \(key)=\(value)\n", to: 2) }
  }
  func stopPodSandbox(_ pod: PodSandbox) throws { try heard("StopPodSandbox") }
  func removePodSandbox(_ pod: PodSandbox) throws { try heard("RemovePodSandbox") }
  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    try heard("CreateContainer", container)
    guard let name = script.deniedSyscall else { return nil }
    var rule = LinuxSyscall()
    rule.names = [name]
    rule.action = "SCMP_ACT_ERRNO"
    rule.errnoReturn = script.errnoReturn
    var policy = LinuxSeccomp()
    policy.defaultAction = "SCMP_ACT_ALLOW"
    policy.syscalls = [rule]
    return policy
  }
  func startContainer(pod: PodSandbox, container: Container) throws { try heard("StartContainer", container) }
  func stopContainer(pod: PodSandbox, container: Container) throws { try heard("StopContainer", container) }
  func removeContainer(pod: PodSandbox, container: Container) throws { try heard("RemoveContainer", container) }
  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws {
    try heard("ValidateContainerAdjustment \(policy == nil ? "without" : "with") policy")
  }
  func shutdown() {}
}

/// What a run of `stockade try` printed.
struct Printed {
  var output: String
  var error: String
  var errorLines: [String] { error.split(separator: "\n").map(String.init) }
  /// The id of the `try`, from the path of its BPF file system; a run that made no plugin has printed none.
  var id: String {
    let path = errorLines.last { $0.hasSuffix("/bpf is of type bpf") }?.split(separator: "/") ?? []
    return path.count > 3 ? String(path[path.count - 2]) : ""
  }
  /// The plugin's calls, without the session's first two.
  var events: [String] {
    errorLines.filter { $0.hasPrefix("event ") }.map { String($0.dropFirst("event ".count)) }
      .filter { !$0.hasPrefix("Configure") && $0 != "Synchronize" }
  }
}

/// Runs `stockade try --profile none ARGUMENTS` with a scripted plugin in a process of its own.
func tryRun(
  _ arguments: [String], status: Int32 = 0, script: ScriptedPlugin.Script = .init(),
  at location: SourceLocation = #_sourceLocation
) async -> Printed {
  let result = await #expect(
    processExitsWith: .exitCode(status), observing: [\.standardOutputContent, \.standardErrorContent],
    sourceLocation: location
  ) { [arguments, script] in
    for stream: Int32 in [1, 2] { put(outputBegins, to: stream) }
    let status = Try.main(["--profile", "none"] + arguments) { environment in
      PluginUnderTry(handler: ScriptedPlugin(script), profileName: "scripted") {
        // Asked once more when all is over.
        guard Files.exists(environment.bpffs) else { return [] }
        let line = "\(environment.bpffs) is of type \(fileSystemType(of: environment.bpffs))"
        environment.record?(JSON.string(line).text)
        return environment.record == nil ? [line] : []
      }
    }
    for stream: Int32 in [1, 2] { put(outputEnds, to: stream) }
    exit(status)
  }
  return Printed(output: ownOutput(result?.standardOutputContent), error: ownOutput(result?.standardErrorContent))
}

/// As the mount table of this thread has it; empty for what is no mount point.
private func fileSystemType(of path: String) -> String {
  let table = (try? Files.text("/proc/thread-self/mountinfo")) ?? ""
  let line = table.split(separator: "\n").first { $0.contains(" \(path) ") } ?? ""
  let words = line.split(separator: " ")
  return words.firstIndex(of: "-").map { String(words[$0 + 1]) } ?? ""
}

// The testing library puts bytes of its own around what an exit test prints.
private let outputBegins = "\n<output>\n"
private let outputEnds = "</output>\n"

private func ownOutput(_ bytes: [UInt8]?) -> String {
  let lines = String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
  guard let begin = lines.firstIndex(of: "<output>"), let end = lines.lastIndex(of: "</output>") else { return "" }
  return lines[(begin + 1)..<end].map { $0 + "\n" }.joined()
}

/// What the `try` with this id has left where all can see it. Others may run at the same time.
func leftovers(of id: String) -> [String] {
  guard id.utf8.count == 12 else { return ["unknown: no id of the run"] }
  let hierarchies = ["/sys/fs/cgroup"] + ((try? Files.names(in: "/sys/fs/cgroup")) ?? []).map { "/sys/fs/cgroup/\($0)" }
  let folders = hierarchies.map { $0 + "/stockade-try" } + [Workspace.parent]
  let entries = folders.flatMap { folder in ((try? Files.names(in: folder)) ?? []).map { "\(folder)/\($0)" } }
  let mounts = ((try? Files.text("/proc/self/mountinfo")) ?? "").split(separator: "\n").map(String.init)
  return (entries + mounts).filter { $0.contains(id) }
}

let canRunContainers =
  getuid() == 0 && ["/usr/sbin/runc", "/usr/bin/runc"].contains(where: Files.exists)
  && ["/usr/bin/busybox", "/bin/busybox"].contains(where: Files.exists)
