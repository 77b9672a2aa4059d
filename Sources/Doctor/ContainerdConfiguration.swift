import TOML

/// What of containerd's configuration concerns an NRI plugin. From `containerd config dump` of 1.7 and newer.
struct ContainerdConfiguration {
  private static let nriPlugin = "io.containerd.nri.v1.nri"
  /// Of containerd 1.7, and the two that 2.0 made of it.
  static let criPlugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"]

  /// What of NRI's default validator concerns us. containerd 2.2 has it.
  struct Validator {
    var isEnabled: Bool
    var requiredPlugins: [String]
    /// Kinds of seccomp adjustments that it refuses.
    var refusedFilters: [String]
    /// Pods with this annotation start without the required plugins; empty: none does.
    var toleratingAnnotation: String

    var requiresStockade: Bool { isEnabled && requiredPlugins.contains("stockade") }
  }

  /// This containerd has NRI, and no key takes it away.
  var hasNRI: Bool
  /// Of `disabled_plugins`: those without which no container is told to a plugin.
  var disabledPlugins: [String]
  var isDisabled: Bool
  /// No plugin can connect by itself.
  var refusesConnections: Bool
  var socket: String
  var pluginFolder: String
  var pluginConfigurationFolder: String
  /// nil: this containerd has none.
  var validator: Validator?
  /// Runtimes by which the node's containers may run that make no processes of the node.
  var sandboxedRuntimes: [String]
  /// What containers' roots are made by; nil: not said.
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
  /// What a configuration comes to that says nothing of it.
  static let none = Self(.table([:]))

  init(_ table: TOML) {
    isEnabled = table["enable"]?.boolean ?? false
    requiredPlugins = table["required_plugins"]?.strings ?? []
    toleratingAnnotation = table["tolerate_missing_plugins_annotation"]?.string ?? ""
    refusedFilters = ["runtime_default", "unconfined", "custom"].map { "reject_\($0)_seccomp_adjustment" }
      .filter { table[$0]?.boolean ?? false }
  }
}
