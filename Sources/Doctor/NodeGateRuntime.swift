import Glibc
import NRI
import System
import TOML

/// Whether the node's runtime can live with a closed node gate. For that each sandbox must have a process of its own,
/// on the node, in a cgroup that is made before the cgroups of its containers.
package enum NodeGateRuntime {
  /// nil: the runtime can, as far as its configuration tells.
  package static func problem(in places: Places = .thisNode()) -> String? {
    containerdProblem(places) ?? crioProblem(places)
  }

  private static func containerdProblem(_ places: Places) -> String? {
    guard case .found(let containerd) = ContainerdProgram.find(in: places) else { return nil }
    do {
      guard let version = RuntimeVersion(try containerd.version() ?? "") else { return nil }
      let others = try containerd.configuration(of: version).sandboxedRuntimes
      if others.isEmpty { return nil }
      return
        "containerd has the runtimes \(others.joined(separator: ", ")), whose containers run in a sandbox that no gate "
        + "holds (Kata, gVisor); take them out of \(containerd.configurationFile), or leave the node gate open"
    } catch { return "containerd's configuration cannot be read: \(error)" }
  }

  private static let crioFolder = "/etc/crio"

  private static func crioProblem(_ places: Places) -> String? {
    guard places.exists(crioFolder) || places.program(named: "crio") != nil else { return nil }
    let folder = places.root + crioFolder
    let parts = ((try? Files.names(in: folder + "/crio.conf.d")) ?? []).sorted().map { "\(folder)/crio.conf.d/\($0)" }
    var (dropsProcess, monitor) = (true, "")
    for file in ["\(folder)/crio.conf"] + parts where Files.exists(file) {
      do {
        let runtime = try TOML.parse(try Files.read(file, limit: TOML.textMaxBytes))["crio"]?["runtime"]
        dropsProcess = runtime?["drop_infra_ctr"]?.boolean ?? dropsProcess
        monitor = runtime?["conmon_cgroup"]?.string ?? monitor
      } catch { return "\(file) cannot be read: \(error)" }
    }
    if dropsProcess {
      return "CRI-O starts no process for a sandbox, so its first container would be taken for one; "
        + "set drop_infra_ctr = false in \(crioFolder), or leave the node gate open"
    }
    guard monitor == "pod" else { return nil }
    return "CRI-O puts conmon in the pod's cgroup before the sandbox's process; set conmon_cgroup to another one in "
      + "\(crioFolder), or leave the node gate open"
  }
}

extension ContainerdConfiguration {
  /// Names of the runtimes whose containers are no processes of the node, as far as their kind tells.
  static func sandboxedRuntimes(in plugins: TOML?) -> [String] {
    criPlugins.flatMap { plugin -> [String] in
      guard case .table(let runtimes)? = plugins?[plugin]?["containerd"]?["runtimes"] else { return [] }
      return runtimes.filter { $0.value["runtime_type"]?.string.map { $0 != "io.containerd.runc.v2" } ?? false }.keys
        .sorted()
    }
  }
}
