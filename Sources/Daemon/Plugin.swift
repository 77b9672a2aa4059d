import Enforcement
import Logging
import Metrics
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
  let idle: IdleReports?
  let filters: SyscallFilters?
  let session: SessionFacts
  let counts: MetricRegistry
  private let load: (_ text: String) throws -> Settings
  private let didConfigure: () -> Void
  var settings: Result<Settings, Refusal> = .failure(Refusal("the runtime has sent no Configure yet"))
  var runtimeName = ""
  var support = SeccompSupport.none(reason: "the runtime has not said what it is")
  var filterReport = FilterReport.nothing
  /// What Create decided, until Remove.
  var prepared = RecentValues<String, Prepared>(limit: Plugin.preparedMaximum)
  /// The images whose links were told, by profile.
  var toldLinks = RecentValues<LinksTold, Bool>(limit: Plugin.preparedMaximum)
  /// The runtime may forget to report a container's end. A decision that is missing here is made again.
  static let preparedMaximum = 1024
  var annotations = AnnotationWatch()

  /// - Parameters:
  ///   - idle: tells what does nothing; nil: nobody tells.
  ///   - filters: tells what seccomp filters deny; nil: nobody tells.
  ///   - session: is told what the runtime is.
  ///   - counts: counts what happens to containers.
  ///   - didConfigure: called when the settings are there, and what an earlier process left is known.
  ///   - load: makes settings from the text of Configure. An error refuses every container.
  package init(
    enforcer: Enforcer, log: Logger, idle: IdleReports? = nil, filters: SyscallFilters? = nil,
    session: SessionFacts? = nil, counts: MetricRegistry = MetricRegistry(),
    didConfigure: @escaping () -> Void = {},
    load: @escaping (_ text: String) throws -> Settings
  ) {
    self.enforcer = enforcer
    self.log = log
    self.idle = idle
    self.filters = filters
    self.session = session ?? SessionFacts()
    self.counts = counts
    self.didConfigure = didConfigure
    self.load = load
  }

  package func configure(_ message: NRI.Configuration) throws -> EventMask {
    support = SeccompSupport(message)
    filterReport = message.filterReport
    runtimeName = message.runtimeName
    log.info(
      "registered with the runtime",
      metadata: [
        "runtime": "\(message.runtimeName)", "version": "\(message.runtimeVersion)", "nri": "\(message.nriVersion)",
        "seccomp": "\(support)", "tier": "\(enforcer.tier.name)",
      ])
    session.begins(message)
    settings = loaded(message.config)
    var problem: String?
    if case .failure(let refusal) = settings { problem = refusal.description }
    session.began(message, support, problem: problem)
    do { try enforcer.inherit() } catch {
      log.error("cannot take over what an earlier process left", metadata: ["reason": "\(error)"])
    }
    if case .success(let settings) = settings {
      log.logLevel = Logger.Level(settings.configuration.logLevel)
      filters?.begin(settings.configuration.seccompEvents)
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

  /// The runtime has closed the connection.
  func sessionEnded() { session.ended() }

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

  /// Names of the pods' labels that events repeat.
  var eventLabels: [String] { (try? settings.get().configuration.eventLabels) ?? [] }

  func metadata(_ pod: PodSandbox, _ container: Container, _ more: Logger.Metadata) -> Logger.Metadata {
    Subject(pod, container).metadata(more)
  }
}
