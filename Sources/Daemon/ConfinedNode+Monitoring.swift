import HTTP
import Logging
import System

extension ConfinedNode {
  /// Serves metrics and health. As with the control socket, an error is only told.
  func serveMetrics(at address: LocalAddress) {
    let metrics = NodeMetrics(
      control: control, events: events, enforcer: enforcer, kernel: kernel, session: session, counts: counts)
    let pages = MonitoringPages(metrics: metrics, sweep: sweep, calls: calls)
    do {
      let server = try HTTPServer(at: address, pages: pages.pages) { [log] problem in
        if let problem {
          log.error("nobody can read metrics; it is tried again", metadata: ["reason": "\(problem)"])
        } else {
          log.info("metrics can be read", metadata: ["listen": "\(address)"])
        }
      }
      running.add { server.stop(milliseconds: Self.idleMilliseconds) }
    } catch {
      log.error("nobody can read metrics", metadata: ["reason": "\(error)"])
    }
  }
}
