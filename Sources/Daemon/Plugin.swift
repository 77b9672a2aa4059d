import Enforcement
import Logging
import NRI
import Policy
import Seccomp
import System

/// Stockade as the runtime sees it: what Stockade does at each step of a container's life.
///
/// All of it runs on the session's thread. What other threads share (profiles, the enforcer) guards itself.
package final class Plugin: PluginHandler {
  let enforcer: Enforcer
  var log: Logger
  private let load: (_ text: String) throws -> Settings
  private let didConfigure: () -> Void
  var settings: Result<Settings, Refusal> = .failure(Refusal("the runtime has sent no Configure yet"))
  var runtimeName = ""
  var support = SeccompSupport.none(reason: "the runtime has not said what it is")
  /// What Create decided, until Remove.
  var prepared = RecentValues<String, Prepared>(limit: Plugin.preparedMaximum)
  /// The runtime may forget to report a container's end. A decision that is missing here is made again.
  static let preparedMaximum = 1024

  /// - Parameters:
  ///   - didConfigure: called when the settings are there, and what an earlier process left is known.
  ///   - load: makes settings from the text of Configure. An error refuses every container.
  package init(
    enforcer: Enforcer, log: Logger, didConfigure: @escaping () -> Void = {},
    load: @escaping (_ text: String) throws -> Settings
  ) {
    self.enforcer = enforcer
    self.log = log
    self.didConfigure = didConfigure
    self.load = load
  }

  package func configure(_ message: NRI.Configuration) throws -> EventMask {
    support = SeccompSupport(message)
    runtimeName = message.runtimeName
    log.info(
      "registered with the runtime",
      metadata: [
        "runtime": "\(message.runtimeName)", "version": "\(message.runtimeVersion)", "nri": "\(message.nriVersion)",
        "seccomp": "\(support)", "tier": "\(enforcer.tier.name)",
      ])
    settings = loaded(message.config)
    do throws(BackendError) { try enforcer.inherit() } catch {
      log.error("cannot take over what an earlier process left", metadata: ["reason": "\(error)"])
    }
    if case .success(let settings) = settings {
      log.logLevel = Logger.Level(settings.configuration.logLevel)
      didConfigure()
    }
    return events
  }

  /// A broken configuration must not leave the node open. An error here would do that, because the runtime would go on
  /// without us. So every container is refused until the configuration is mended.
  private func loaded(_ text: String) -> Result<Settings, Refusal> {
    do { return .success(try load(text)) } catch {
      log.critical("the configuration is refused, and so is every container", metadata: ["reason": "\(error)"])
      return .failure(Refusal("stockade's configuration is broken: \(error)"))
    }
  }

  /// Each event costs every container of the node a round trip, so Stockade subscribes only to those that it uses.
  private var events: EventMask {
    var events: EventMask = [
      .runPodSandbox, .removePodSandbox, .createContainer, .startContainer, .stopContainer, .removeContainer,
    ]
    if case .none = support { return events }
    // Exists from NRI 0.10 on, as the seccomp policy does.
    events.insert(.validateContainerAdjustment)
    return events
  }

  package func shutdown() { log.info("the runtime shuts down") }

  func metadata(_ pod: PodSandbox, _ container: Container, _ more: Logger.Metadata) -> Logger.Metadata {
    Subject(pod, container).metadata(more)
  }
}
