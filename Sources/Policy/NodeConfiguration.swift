/// What the node's administrator sets. The format: docs/configuration.md.
package struct NodeConfiguration: Equatable, Sendable {
  /// As swift-log names them.
  package enum LogLevel: String, CaseIterable, Sendable { case trace, debug, info, notice, warning, error, critical }

  package var profilesFolder = "/etc/stockade/profiles"
  /// Where denied and audited actions are written as JSON lines; nil: the way the plugin was started decides.
  package var eventsFile: String?
  /// For pods without annotation and binding; nil or `unconfined`: they are not confined by us.
  package var defaultProfile: String?
  /// What annotations may choose; nil: every profile, but not `unconfined`.
  package var allowedProfiles: [String]?
  package var bindings: [Binding] = []
  package var logLevel = LogLevel.info
  package var nodeGate = NodeGate()

  package init() {}

  /// Whether every pod's gate is closed from its cgroup's first moment on, whoever is there.
  package struct NodeGate: Equatable, Sendable {
    package static let parentsMax = 16
    /// One less than the kernel's programs keep of a path, so that none is taken for the beginning of a longer one.
    package static let parentMaxBytes = 254
    package static let exemptMax = 256
    /// All pods that the node's own files name.
    package static let everyStaticPod = "*"
    /// Of the kubelet, by either of its cgroup drivers.
    package static let usualParents = [
      "/kubepods", "/kubepods/besteffort", "/kubepods/burstable", "/kubepods.slice",
      "/kubepods.slice/kubepods-besteffort.slice", "/kubepods.slice/kubepods-burstable.slice",
    ]

    package var enabled = false
    /// The configuration says whether it is enabled: where it does not, a gate that is closed stays so.
    package var isSaid = false
    /// Paths of the cgroups in which pods are made, from the root of the hierarchy.
    package var parents = usualParents
    /// UIDs of static pods that are never held back, or `everyStaticPod`.
    package var exemptStaticPods: [String] = []

    package init() {}
  }

  /// Ties containers to a profile, or limits what their annotations may choose.
  package struct Binding: Equatable, Sendable {
    /// For messages; `bindings[2]` where the file gives none.
    package var name: String
    /// Each nil: every one matches.
    package var namespaces: [String]?
    package var podLabels: [String: String]?
    /// Patterns in which `*` stands for any text.
    package var images: [String]?
    /// nil: only `allowedProfiles` counts.
    package var profile: String?
    /// The profile wins over every annotation.
    package var required = false
    package var allowedProfiles: [String]?

    package init(name: String) { self.name = name }
  }
}
