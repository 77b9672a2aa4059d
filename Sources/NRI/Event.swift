/// The events of the NRI API, with their numbers. Bit `rawValue - 1` of the mask stands for each.
package enum Event: Int32, CaseIterable, Sendable {
  case runPodSandbox = 1
  case stopPodSandbox = 2
  case removePodSandbox = 3
  case createContainer = 4
  case postCreateContainer = 5
  case startContainer = 6
  case postStartContainer = 7
  case updateContainer = 8
  case postUpdateContainer = 9
  case stopContainer = 10
  case removeContainer = 11
  case updatePodSandbox = 12
  case postUpdatePodSandbox = 13
  case validateContainerAdjustment = 14

  package var mask: EventMask { EventMask(rawValue: 1 << (rawValue - 1)) }

  /// The method of the Plugin service that carries the event: `RunPodSandbox`.
  package var method: String { Self.methods[self]! }

  private static let methods = Dictionary(
    uniqueKeysWithValues: allCases.map { event in
      let name = String(describing: event)
      return (event, name.prefix(1).uppercased() + name.dropFirst())
    })

  package init?(method: String) {
    guard let event = Self.byMethod[method] else { return nil }
    self = event
  }

  private static let byMethod = Dictionary(uniqueKeysWithValues: allCases.map { ($0.method, $0) })

  /// Whether the event is about a pod alone.
  package var isOfPod: Bool {
    switch self {
    case .runPodSandbox, .stopPodSandbox, .removePodSandbox, .updatePodSandbox, .postUpdatePodSandbox: true
    default: false
    }
  }

  /// Whether `PluginHandler` is told of the event.
  var isUsed: Bool {
    switch self {
    case .runPodSandbox, .stopPodSandbox, .removePodSandbox, .createContainer, .startContainer, .stopContainer,
      .removeContainer, .validateContainerAdjustment:
      true
    default: false
    }
  }

  /// Whether the plugin's answer matters. StateChange has no answer, so it cannot carry such an event.
  var hasAnswer: Bool { self == .createContainer || self == .updateContainer || self == .validateContainerAdjustment }

  /// Whether every version has a call for the event. Before NRI 0.12 the other events come as StateChange.
  package var alwaysHasCall: Bool {
    switch self {
    case .createContainer, .updateContainer, .stopContainer, .updatePodSandbox, .validateContainerAdjustment: true
    default: false
    }
  }
}

/// The names of the NRI services and of the methods that are not events.
package enum Method {
  package static let pluginService = "nri.pkg.api.v1alpha1.Plugin"
  package static let runtimeService = "nri.pkg.api.v1alpha1.Runtime"
  package static let registerPlugin = "RegisterPlugin"
  package static let configure = "Configure"
  package static let synchronize = "Synchronize"
  package static let shutdown = "Shutdown"
  package static let stateChange = "StateChange"
}
