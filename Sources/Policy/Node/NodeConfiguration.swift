import System

/// What the node's administrator sets. The format: docs/configuration.md.
package struct NodeConfiguration: Equatable, Sendable {
  /// The names are swift-log's.
  package enum LogLevel: String, CaseIterable, Sendable { case trace, debug, info, notice, warning, error, critical }
  /// The form of an event's line: Stockade's own, or a record of the Open Cybersecurity Schema Framework.
  package enum EventsFormat: String, CaseIterable, Sendable { case stockade, ocsf }

  package var profilesFolder = "/etc/stockade/profiles"
  /// Where denied and audited actions are written as JSON lines; nil: the way the plugin was started decides.
  package var eventsFile: String?
  package var eventsFormat = EventsFormat.stockade
  /// Names of the pods' labels that events repeat.
  package var eventLabels: [String] = []
  /// How events name the node; nil: as the machine calls itself.
  package var nodeName: String?
  /// For pods without annotation and binding; nil or `unconfined`: Stockade does not confine them.
  package var defaultProfile: String?
  /// What annotations may choose; nil: every profile, but not `unconfined`.
  package var allowedProfiles: [String]?
  package var bindings: [Binding] = []
  package var logLevel = LogLevel.info
  package var seccompEvents = SeccompEvents.auto
  package var nodeGate = NodeGate()
  /// Whether a temporary audit may soften the profiles of required bindings.
  package var breakGlass = false
  /// Where metrics and health can be read; nil: nowhere.
  package var metricsAddress: LocalAddress?

  package init() {}

  /// The profiles that no temporary audit may soften.
  package var profilesWithoutAudit: Set<String> {
    breakGlass ? [] : Set(bindings.filter(\.required).compactMap(\.profile))
  }

  /// How what seccomp filters deny is told.
  package enum SeccompEvents: String, CaseIterable, Sendable {
    /// By the better way that the kernel has.
    case auto
    /// Only where it costs nothing but processes with a filter.
    case trampoline
    case none
  }

  /// Whether every pod's gate is closed from its cgroup's first moment on, whether or not a Stockade runs.
  package struct NodeGate: Equatable, Sendable {
    package static let parentsMax = 16
    /// One less than what the kernel's programs keep of a path, so that no path is taken for the beginning of a longer
    /// one.
    package static let parentMaxBytes = 254
    package static let exemptMax = 256
    /// All pods that the node's own files name.
    package static let everyStaticPod = "*"
    /// The kubelet's parents, for each of its two cgroup drivers.
    package static let usualParents = [
      "/kubepods", "/kubepods/besteffort", "/kubepods/burstable", "/kubepods.slice",
      "/kubepods.slice/kubepods-besteffort.slice", "/kubepods.slice/kubepods-burstable.slice",
    ]

    package var enabled = false
    /// Whether the configuration says whether the gate is enabled. If it says nothing, a gate that is closed stays
    /// closed.
    package var isSaid = false
    /// Paths of the cgroups in which pods are made, from the root of the hierarchy.
    package var parents = usualParents
    /// UIDs of static pods that are never held back, or `everyStaticPod`.
    package var exemptStaticPods: [String] = []

    package init() {}
  }

  /// Ties containers to a profile, or limits what their annotations may choose.
  package struct Binding: Equatable, Sendable {
    /// The binding's name in messages; `bindings[2]` if the file gives no name.
    package var name: String
    /// For each of these, nil means that every value matches.
    package var namespaces: [String]?
    package var podLabels: [String: String]?
    /// `ImagePattern`s; each matches whichever way a pod writes the name.
    package var images: [String]?
    /// nil: only `allowedProfiles` counts.
    package var profile: String?
    /// Whether the profile wins over every annotation.
    package var required = false
    package var allowedProfiles: [String]?

    package init(name: String) { self.name = name }
  }
}
