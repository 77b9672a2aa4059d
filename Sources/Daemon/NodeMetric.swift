import Metrics

/// Every metric that Stockade writes. docs/monitoring.md lists them, with the same words.
package enum NodeMetric {
  static let buildInfo = Metric(.gauge, "stockade_build_info", labels: ["version"], "1, with the version of Stockade.")
  static let protected = Metric(
    .gauge, "stockade_protected", "1 if all is enforced that should be, else 0. `stockade status` says why it is not.")
  static let problems = Metric(.gauge, "stockade_problems", "How many reasons there are that not all is enforced.")
  static let tier = Metric(
    .gauge, "stockade_tier", labels: ["tier"], "1 for the tier that the node has now, 0 for the others.")
  static let tierProved = Metric(
    .gauge, "stockade_tier_proved", labels: ["tier"],
    "1 for the tier that was proved at the start, 0 for the others.")
  static let networkEnforced = Metric(
    .gauge, "stockade_network_rules_enforceable", "1 if the node can enforce network rules, else 0.")
  static let runtimeConnected = Metric(
    .gauge, "stockade_runtime_connected", "1 if the runtime is connected and has configured Stockade, else 0.")
  static let runtimeInfo = Metric(
    .gauge, "stockade_runtime_info", labels: ["name", "version", "nri_version"],
    "1, with what the runtime says of itself.")
  static let containers = Metric(
    .gauge, "stockade_containers", labels: ["profile", "tier", "state"],
    "Containers that Stockade knows. The profile is unconfined for those that were let through without a profile.")
  static let audits = Metric(
    .gauge, "stockade_audits", "Temporary audits: what profiles block is audited until a time.")
  static let profiles = Metric(.gauge, "stockade_profiles", "Profiles that are loaded.")
  static let profilesRead = Metric(.gauge, "stockade_profiles_read", "1 once the profiles were read, before 0.")
  static let profileProblems = Metric(
    .gauge, "stockade_profile_problems", "Problems of profiles that cannot be used, or whose new text cannot.")
  static let reloads = Metric(
    .counter, "stockade_profile_reloads_total", labels: ["outcome"],
    "How often the profiles were read: ok, or problems if not all of them can be used.")
  static let nodeGateWanted = Metric(
    .gauge, "stockade_node_gate_wanted", "1 if the configuration asks for the node gate, else 0.")
  static let nodeGateClosed = Metric(.gauge, "stockade_node_gate_closed", "1 if the node gate is closed, else 0.")
  static let gatesOpenUntil = Metric(
    .gauge, "stockade_gates_open_until_timestamp_seconds",
    "Until when somebody has opened all gates of the node, in Unix time; 0: nobody has.")
  static let gatesClosed = Metric(
    .counter, "stockade_pod_gate_closings_total", "How often Stockade closed a pod's gate, or found it closed.")
  static let gateRefusals = Metric(
    .counter, "stockade_pod_gate_refused_execs_total",
    "Execs that pods' gates refused, as found when a gate was closed again.")
  static let decisions = Metric(
    .counter, "stockade_decisions_total", labels: ["section", "action", "effect"],
    "Records of denied and audited actions, by the part of the profile, by what it says, and by what was done.")
  static let events = Metric(.counter, "stockade_events_total", labels: ["kind"], "Records of all kinds.")
  static let kernelLosses = Metric(
    .counter, "stockade_kernel_losses_total", labels: ["reason"],
    "What the kernel's programs could not report, remember or read, since the maps were made. The reasons are the "
      + "members of counts in records of kind dropped.")
  static let unwritten = Metric(
    .counter, "stockade_events_unwritten_total", labels: ["subscriber", "reason"],
    "Records that an output (file or standard output) or a client of the control API did not take: full, the reader is "
      + "too slow; error, writing fails.")
  static let callSeconds = Metric(
    .histogram, "stockade_nri_call_duration_seconds", labels: ["call"],
    "How long Stockade took for a call of the runtime, without the socket and the messages.")
  static let callErrors = Metric(
    .counter, "stockade_nri_call_errors_total", labels: ["call"],
    "Calls of the runtime that were answered with an error. An error of CreateContainer refuses the container.")
  static let callLimit = Metric(
    .gauge, "stockade_nri_call_limit_seconds", "How long the runtime waits for an answer before it drops Stockade.")
  static let adoptions = Metric(
    .counter, "stockade_adoptions_total", labels: ["outcome"],
    "Containers that ran already when Stockade connected: confined, unconfined without a profile, or failed.")
  static let releases = Metric(
    .counter, "stockade_releases_total", "Containers whose end was seen, and of which the kernel holds nothing more.")
  static let detachFailures = Metric(
    .counter, "stockade_detach_failures_total",
    "Vain tries to take out of the kernel what a container had. Every few seconds comes the next try.")
  static let keeperRestarts = Metric(
    .counter, "stockade_keeper_restarts_total",
    "Stockades that a keeper has started since the runtime launched one.")
  static let programRuns = Metric(
    .counter, "stockade_program_runs_total", labels: ["program"],
    "Runs of a BPF program. The kernel counts them only while kernel.bpf_stats_enabled is 1.")
  static let programMisses = Metric(
    .counter, "stockade_program_misses_total", labels: ["program"],
    "How often the kernel skipped a BPF program on which enforcement depends (recursion_misses).")
  static let tableEntries = Metric(
    .gauge, "stockade_table_entries", labels: ["table"], "Elements that a table of the kernel has.")
  static let tableLimit = Metric(
    .gauge, "stockade_table_entries_max", labels: ["table"],
    "Elements that it can take. What needs more is refused.")
  static let startTime = Metric(.gauge, "process_start_time_seconds", "When this process began, in Unix time.")
  static let residentMemory = Metric(.gauge, "process_resident_memory_bytes", "Memory that this process has.")
  static let cpuSeconds = Metric(
    .counter, "process_cpu_seconds_total", "Time that this process's threads spent on a processor.")
  static let openDescriptors = Metric(.gauge, "process_open_fds", "Descriptors that this process has open.")

  /// In the order in which they are written.
  package static let all = [
    buildInfo, protected, problems, tier, tierProved, networkEnforced, runtimeConnected, runtimeInfo, containers,
    audits, profiles, profilesRead, profileProblems, reloads, nodeGateWanted, nodeGateClosed, gatesOpenUntil,
    gatesClosed, gateRefusals, decisions, events, kernelLosses, unwritten, callSeconds, callErrors, callLimit,
    adoptions, releases, detachFailures, keeperRestarts, programRuns, programMisses, tableEntries, tableLimit,
    startTime, residentMemory, cpuSeconds, openDescriptors,
  ]

  enum Reload: String, CaseIterable { case ok, problems }
  enum Adoption: String, CaseIterable { case confined, unconfined, failed }

  /// The series that are there from the start, so that the first rise is seen as one.
  static func begin(_ values: inout MetricValues) {
    for outcome in Reload.allCases { values.add(0, to: reloads, outcome.rawValue) }
    for outcome in Adoption.allCases { values.add(0, to: adoptions, outcome.rawValue) }
    for metric in [gatesClosed, gateRefusals, keeperRestarts] { values.add(0, to: metric) }
  }
}
