import BPF
import Enforcement
import Events
import Glibc
import Metrics
import Policy
import Status
import System

/// Collects the numbers of a node. Any thread may ask; the table's lock is held for a copy.
struct NodeMetrics: Sendable {
  let control: NodeControl
  let events: EventHub
  let enforcer: Enforcer
  let kernel: BPFBackend?
  let session: SessionFacts
  let counts: MetricRegistry

  var text: String { MetricText.text(of: NodeMetric.all, values) }

  var values: MetricValues {
    var values = counts.values
    Self.add(control.status(), to: &values)
    values.set(NodeMetric.callLimit, to: session.callLimit / .seconds(1))
    Self.add(events.counts.values, to: &values)
    for program in (try? kernel?.runs()) ?? [] {
      values.set(NodeMetric.programRuns, program.program, to: program.runs)
      values.set(NodeMetric.programMisses, program.program, to: program.skipped)
    }
    let tally = enforcer.tally
    values.set(NodeMetric.releases, to: tally.releases)
    values.set(NodeMetric.detachFailures, to: tally.failures)
    Self.addProcess(to: &values)
    return values
  }

  static func add(_ status: NodeStatus, to values: inout MetricValues) {
    values.set(NodeMetric.buildInfo, status.version, to: 1)
    values.set(NodeMetric.protected, to: status.isProtected)
    values.set(NodeMetric.problems, to: status.problems.count)
    for tier in Tier.allCases {
      values.set(NodeMetric.tier, tier.name, to: tier.name == status.tier.claimed)
      values.set(NodeMetric.tierProved, tier.name, to: tier.name == status.tier.proved)
    }
    values.set(NodeMetric.networkEnforced, to: status.tier.networkProblem.isEmpty)
    values.set(NodeMetric.startTime, to: Double(status.startNanoseconds) / 1e9)
    add(status.runtime, to: &values)
    for group in status.containers {
      let isConfined = !group.profile.isEmpty
      values.set(
        NodeMetric.containers, isConfined ? group.profile : ProfileName.unconfined,
        isConfined ? status.tier.claimed : Tier.none.name, group.state.rawValue, to: group.count)
    }
    values.set(NodeMetric.audits, to: status.audits.count)
    values.set(NodeMetric.profiles, to: status.profiles.count)
    values.set(NodeMetric.profilesRead, to: status.profiles.areRead)
    values.set(NodeMetric.profileProblems, to: status.profiles.problems.count)
    values.set(NodeMetric.nodeGateWanted, to: status.nodeGate.isWanted)
    values.set(NodeMetric.nodeGateClosed, to: status.nodeGate.isClosed)
    values.set(NodeMetric.gatesOpenUntil, to: Double(status.nodeGate.openUntilNanoseconds ?? 0) / 1e9)
    for loss in status.losses { values.set(NodeMetric.kernelLosses, loss.name, to: loss.count) }
    for table in status.tables {
      values.set(NodeMetric.tableEntries, table.name, to: table.count)
      values.set(NodeMetric.tableLimit, table.name, to: table.limit)
    }
  }

  private static func add(_ runtime: NodeStatus.RuntimeStatus, to values: inout MetricValues) {
    values.set(NodeMetric.runtimeConnected, to: runtime.isConnected)
    if runtime.name.isEmpty { return }
    values.set(NodeMetric.runtimeInfo, runtime.name, runtime.version, runtime.nriVersion, to: 1)
  }

  static func add(_ counts: EventCounts.Values, to values: inout MetricValues) {
    for section in EventSection.allCases {
      for effect in KernelEvent.Effect.allCases {
        let decision = EventCounts.Decision(section, effect)
        values.add(
          counts.decisions[decision] ?? 0, to: NodeMetric.decisions, section.rawValue, decision.action, effect.rawValue)
      }
    }
    for (kind, count) in counts.kinds { values.set(NodeMetric.events, kind, to: count) }
    for subscriber in EventCounts.Subscriber.allCases {
      for loss in QueueLoss.allCases {
        values.set(
          NodeMetric.unwritten, subscriber.rawValue, loss.rawValue, to: counts.unwritten[.init(subscriber, loss)] ?? 0)
      }
    }
  }

  private static func addProcess(to values: inout MetricValues) {
    if let pages = (try? Files.text("/proc/self/statm"))?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) {
      values.set(NodeMetric.residentMemory, to: pages * sysconf(Int32(_SC_PAGESIZE)))
    }
    values.set(NodeMetric.cpuSeconds, to: Double(Timestamp.now(CLOCK_PROCESS_CPUTIME_ID)) / 1e9)
    if let names = try? Files.names(in: "/proc/self/fd") { values.set(NodeMetric.openDescriptors, to: names.count) }
  }
}
