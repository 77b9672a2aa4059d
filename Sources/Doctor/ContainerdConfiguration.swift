import TOML

/// The part of containerd's configuration that concerns an NRI plugin. It comes from `containerd config dump` of 1.7
/// and newer.
struct ContainerdConfiguration {
  private static let nriPlugin = "io.containerd.nri.v1.nri"
  /// The plugin of containerd 1.7, and the two plugins that 2.0 made of it.
  static let criPlugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"]

  /// The part of NRI's default validator that concerns us. containerd 2.2 has the validator.
  struct Validator {
    var isEnabled: Bool
    var requiredPlugins: [String]
    /// Kinds of seccomp adjustments that the validator refuses.
    var refusedFilters: [String]
    /// Pods with this annotation start without the required plugins; empty: no pod does.
    var toleratingAnnotation: String

    var requiresStockade: Bool { isEnabled && requiredPlugins.contains("stockade") }
  }

  /// Whether this containerd has NRI. No key takes it away.
  var hasNRI: Bool
  /// The entries of `disabled_plugins` without which no plugin is told of a container.
  var disabledPlugins: [String]
  var isDisabled: Bool
  /// Whether no plugin can connect by itself.
  var refusesConnections: Bool
  var socket: String
  var pluginFolder: String
  var pluginConfigurationFolder: String
  /// nil: this containerd has no validator.
  var validator: Validator?
  /// Runtimes that the node's containers may use and that make no processes on the node.
  var sandboxedRuntimes: [String]
  /// The snapshotter that makes the containers' roots; nil: the configuration does not say.
  var snapshotter: String?

  init(dump: TOML) {
    let plugins = dump["plugins"]
    let nri = plugins?[Self.nriPlugin]
    let needed = [Self.nriPlugin] + Self.criPlugins
    disabledPlugins = (dump["disabled_plugins"]?.strings ?? []).filter(needed.contains)
    hasNRI = nri != nil || disabledPlugins.contains(Self.nriPlugin)
    isDisabled = nri?["disable"]?.boolean ?? false
    refusesConnections = nri?["disable_connections"]?.boolean ?? false
    socket = nri?["socket_path"]?.string ?? "/var/run/nri/nri.sock"
    pluginFolder = nri?["plugin_path"]?.string ?? Self.usualPluginFolder
    pluginConfigurationFolder = nri?["plugin_config_path"]?.string ?? Self.usualPluginConfigurationFolder
    validator = nri?["default_validator"].map(Validator.init)
    sandboxedRuntimes = Self.sandboxedRuntimes(in: plugins)
    snapshotter =
      plugins?["io.containerd.cri.v1.images"]?["snapshotter"]?.string
      ?? plugins?["io.containerd.grpc.v1.cri"]?["containerd"]?["snapshotter"]?.string
  }

  static let usualPluginFolder = "/opt/nri/plugins"
  static let usualPluginConfigurationFolder = "/etc/nri/conf.d"
}

extension ContainerdConfiguration.Validator {
  /// What a configuration means that says nothing about the validator.
  static let none = Self(.table([:]))

  init(_ table: TOML) {
    isEnabled = table["enable"]?.boolean ?? false
    requiredPlugins = table["required_plugins"]?.strings ?? []
    toleratingAnnotation = table["tolerate_missing_plugins_annotation"]?.string ?? ""
    refusedFilters = ["runtime_default", "unconfined", "custom"].map { "reject_\($0)_seccomp_adjustment" }
      .filter { table[$0]?.boolean ?? false }
  }
}
