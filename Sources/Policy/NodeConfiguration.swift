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

  package init() {}

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
