import Enforcement
import Policy
import Seccomp

/// The node for which profiles are judged: what `--node` says and, for the rest, the node on which this runs.
package struct JudgedNode: Sendable {
  /// nil: the tier is not known, so nothing is said of what the node can enforce.
  package let capabilities: NodeCapabilities?
  /// nil: it was not given, and the newest is assumed.
  package let containerd: ContainerdVersion?
  /// nil: it is not known.
  package let cgroup: CgroupHierarchy.Layout?
  /// The node in a few words, for people.
  package let summary: String

  /// Which filters its runtime carries.
  package var support: SeccompSupport { containerd?.support ?? .full }

  /// How to look at the node on which this runs.
  package struct Surroundings {
    package var isRoot: Bool
    package var cgroup: () throws -> CgroupHierarchy.Layout
    /// Proves the tier. Only called as root, and only if the tier is not given.
    package var probe: () throws -> NodeCapabilities

    package init(
      isRoot: Bool, cgroup: @escaping () throws -> CgroupHierarchy.Layout,
      probe: @escaping () throws -> NodeCapabilities
    ) {
      self.isRoot = isRoot
      self.cgroup = cgroup
      self.probe = probe
    }
  }

  package init(_ description: NodeDescription, _ surroundings: Surroundings) {
    let cgroup = description.cgroup ?? (try? surroundings.cgroup())
    self.cgroup = cgroup
    containerd = description.containerd
    var problem: String?
    capabilities = Self.capabilities(description, cgroup, surroundings, &problem)
    summary = Self.summary(capabilities, problem, cgroup, description)
  }

  private static func capabilities(
    _ description: NodeDescription, _ cgroup: CgroupHierarchy.Layout?, _ surroundings: Surroundings,
    _ problem: inout String?
  ) -> NodeCapabilities? {
    var node: NodeCapabilities
    if let tier = description.tier {
      node = NodeCapabilities(tier: tier)
      node.name = "the given node"
      if tier == .none { node.networkProblem = "with tier none no BPF program can be loaded" }
    } else {
      guard surroundings.isRoot else {
        problem = "finding its tier needs root"
        return nil
      }
      do { node = try surroundings.probe() } catch {
        problem = "\(error)"
        return nil
      }
      // The reason is told once, in the summary, and not for each rule.
      node.claim.reason = ""
      // This node lacks cgroup v2. That does not matter if another layout is given.
      let isForLayout = node.tier != .none && (try? surroundings.cgroup()) == .v1
      if description.cgroup != nil, isForLayout { node.networkProblem = nil }
    }
    if cgroup == .v1, node.networkProblem == nil { node.networkProblem = CgroupHierarchy.noV2Text }
    return node
  }

  private static func summary(
    _ node: NodeCapabilities?, _ problem: String?, _ cgroup: CgroupHierarchy.Layout?, _ description: NodeDescription
  ) -> String {
    let runtime = description.containerd.map { "containerd \($0)" } ?? "containerd 2.3 or newer"
    guard let node else {
      let what = description.containerd.map { "judged for containerd \($0) alone" } ?? "only the text was checked"
      return "\(what), not what a node enforces of it (\(problem ?? "")): run it as root, "
        + "or say --node tier=TIER"
    }
    let why = node.tier == .lsm ? "" : "; stockade doctor says why it is no better"
    let tier = description.tier == nil ? " (this node's\(why))" : ""
    let layout = description.cgroup == nil ? " (this node's)" : ""
    return "judged for tier \(node.tier.name)\(tier), cgroup \(cgroup?.rawValue ?? "unknown")\(layout) and \(runtime)"
  }
}
