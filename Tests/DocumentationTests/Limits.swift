import BPF
import CStockade
import Compilation
import struct Daemon.FolderStamp
import struct Daemon.FolderWatch
import enum Daemon.MonitoringLimits
import struct Daemon.NodeGateCommand
import class Daemon.IdleReports
import class Daemon.LogOutput
import class Daemon.ProfileFollower
import struct Daemon.SettingsLoader
import Enforcement
import Events
import HTTP
import Keeper
import NRI
import Policy
import enum ProfileImport.ImportLimits
import System
import YAML

@testable import Seccomp

/// Every limit that the documents state, with the code's own value in it.
enum Limits {
  static let all =
    profile + rules + imports + configuration + seccomp + network + events + node + memory + nodeGate + audit
    + monitoring

  private static let reference = "docs/profile-reference.md"

  private static let profile: [Statement] = [
    Statement("docs/tiers.md", "| `recordings`", "\(Recordings.factsMaximum) facts of each of \(Recordings.maximum)"),
    Statement(reference, "| a path with a name", "over \(PathRule.nameMaxBytes) bytes"),
    Statement(reference, "| an argument rule with", "beyond \(PathRule.argumentsMaxBytes) bytes"),
    Statement(reference, "A rule that says", "at most \(IdleReports.lookMilliseconds) ms"),
    Statement("docs/configuration.md", "Stockade follows", "\(PodContext.annotatedMax) names"),
    Statement("docs/configuration.md", "Stockade follows", "\(IdleReports.podsMaximum) pods"),
    Statement("docs/events.md", "Stockade tells this once", "at most \(IdleReports.listedMaximum) parts"),
    Statement("docs/events.md", "Stockade tells this once", "last \(IdleReports.rememberedMaximum) pairs"),
    Statement(reference, "A profile says", "at most \(Node.fileMaxBytes >> 20) MiB"),
    Statement(reference, "A profile says", "the first \(ProfileFolder.filesMax)"),
    .key(reference, "metadata.name", "at most \(ProfileName.maxBytes) lower-case letters"),
    .key(reference, "spec.extends", "at most \(ProfileLayer.extendsMax)"),
    .key(reference, "spec.extends", "\(ProfileResolver.depthMax) profiles deep"),
    .key(reference, "spec.seccomp.localhostProfile", "at most \(SeccompSection.fileNameMaxBytes) bytes"),
    .key(reference, "spec.seccomp.defaultErrnoRet", "without it \(FilterAction.errnoDefault) (EPERM)"),
    .key(reference, "spec.seccomp.syscalls", "at most \(SeccompFilter.rulesMax)"),
    .key(reference, "spec.seccomp.syscalls[].names", "at most \(SeccompFilter.namesMax)"),
    .key(reference, "spec.seccomp.syscalls[].errnoRet", "`SCMP_ACT_ERRNO`: 0 to \(FilterAction.errnoMax)"),
    .key(reference, "spec.seccomp.syscalls[].errnoRet", "`SCMP_ACT_TRACE`: 0 to \(FilterAction.traceMax)"),
    .key(reference, "spec.seccomp.syscalls[].errnoRet", "Without it \(FilterAction.errnoDefault) (EPERM)"),
    .key(reference, "spec.seccomp.syscalls[].args", "at most \(SeccompFilter.argumentsMax)"),
    .key(reference, "spec.seccomp.syscalls[].args[].index", "0 to \(SeccompFilter.argumentsMax - 1)"),
  ]

  private static let rules: [Statement] = [
    .key(reference, "spec.process.rules", "at most \(PathRuleParser.rulesMax)"),
    .key(reference, "spec.process.rules[].arguments", "at most \(PathRuleParser.argumentsMax)"),
    .key(
      reference, "spec.process.rules[].arguments[].contains", "at most \(PathRuleParser.argumentTextMaxBytes) bytes"),
    .key(reference, "spec.process.rules[].arguments[].equals", "at most \(PathRuleParser.argumentTextMaxBytes) bytes"),
    .key(reference, "spec.process.rules[].arguments[].prefix", "at most \(PathRuleParser.argumentTextMaxBytes) bytes"),
    .key(reference, "spec.process.rules[].arguments[].index", "at most \(PathRuleParser.argumentIndexMax)"),
    .key(
      reference, "spec.process.rules[].tags",
      "At most \(RuleTags.maximum), each with at most \(RuleTags.maxBytes) letters"),
    .key(reference, "spec.file.rules", "at most \(PathRuleParser.rulesMax)"),
    .key(reference, "spec.network.egress.rules", "at most \(NetworkRuleParser.rulesMax)"),
    .key(reference, "spec.network.egress.rules[].except", "at most \(NetworkRuleParser.exceptMax) prefixes"),
    .key(reference, "spec.network.egress.rules[].ports", "at most \(NetworkRuleParser.portsMax)"),
    .key(reference, "spec.network.egress.rules[].ports[].port", "1 to \(UInt16.max)"),
    .key(reference, "spec.network.bind", "at most \(BindList.portsMax)"),
    .key(reference, "spec.network.bind[].port", "1 to \(UInt16.max)"),
    Statement(reference, "Stockade looks at the links of", "the links of \(RulePaths.foldersMaximum) folders"),
    Statement(reference, "Stockade looks at the links of", "\(ConfinementTable.variantsMaximum) different sets"),
    Statement(reference, "Stockade looks at the links of", "over \(ImageLinks.namesOfLinksMaximum) names"),
    Statement(reference, "A *path* is", "at most \(PathSyntax.maxBytes) bytes"),
    Statement(reference, "**Long arguments.**", "longer than \(PathRule.argumentsMaxBytes) bytes"),
    Statement("docs/tiers.md", "**On Linux 7", "takes \(STOCKADE_PREEMPTION_TRIAL_NS / 1_000_000) ms"),
    Statement("docs/tiers.md", "At its start Stockade needs", "under \(MemoryAllowance.neededBytes >> 20) MiB"),
    Statement("docs/tiers.md", "Every 2.5 seconds", "Every \(Double(DamageWatch.lookMilliseconds) / 1000) seconds"),
    Statement(
      "docs/tiers.md", "Every 2.5 seconds",
      "its turn every \(LookTurns.count * DamageWatch.lookMilliseconds / 1000) seconds"),
    Statement("docs/tiers.md", "| removes pins", "within \(2 * DamageWatch.lookMilliseconds / 1000) seconds"),
    Statement(
      "docs/tiers.md", "| detaches a network",
      "at most \(LookTurns.count * DamageWatch.lookMilliseconds / 1000) seconds"),
    Statement("docs/tiers.md", "Each container with network rules has", "needs \(DescriptorLimit.needed) descriptors"),
    Statement("docs/tiers.md", "Once a minute", "at \(FillWatch.fullPercent) percent"),
    Statement("docs/tiers.md", "Once a minute", "below \(FillWatch.emptierPercent)"),
    Statement("docs/tiers.md", "**Processes that a hook left", "have \(LeftProcesses.patienceMilliseconds) ms"),
    Statement("docs/tiers.md", "| a path over", "path over \(ProcessSection.pathMaxBytes) bytes"),
    Statement("docs/tiers.md", "- Stockade notes", "notes \(Volume.maximumCount) mounts"),
    Statement("docs/tiers.md", "- Stockade notes", "at most \(Volume.mountPointMaximumBytes) bytes"),
    Statement("docs/tiers.md", "- Stockade notes", "and \(Volume.mountPointsMaximumBytes) together"),
    Statement("docs/tiers.md", "- If several mounts", "looks at \(Volume.pathsMaximum) paths"),
  ]

  private static let imports: [Statement] = [
    Statement("docs/profile-import.md", "A file has YAML", "at most \(Node.fileMaxBytes >> 20) MiB"),
    Statement("docs/profile-import.md", "A file has YAML", "at most \(ImportLimits.documents) documents"),
    Statement("docs/profile-import.md", "At most", "\(ImportLimits.notes) such lines"),
    Statement("docs/profile-import.md", "| `tags`", "Beyond \(RuleTags.maximum) they"),
  ]

  private static let configuration: [Statement] =
    ["namespaces", "images", "allowedProfiles"].map {
      .key("docs/configuration.md", "bindings[].\($0)", "at most \(NodeConfiguration.listMax)")
    } + [
      .key("docs/configuration.md", "allowedProfiles", "at most \(NodeConfiguration.listMax)"),
      .key("docs/configuration.md", "bindings", "at most \(NodeConfiguration.bindingsMax)"),
      .key("docs/configuration.md", "eventLabels", "at most \(NodeConfiguration.eventLabelsMax)"),
      .key("docs/configuration.md", "nodeName", "at most \(NodeConfiguration.nodeNameMaxBytes) bytes"),
      Statement("docs/configuration.md", "The profiles are watched", "for \(FolderWatch.quietMilliseconds) ms"),
      Statement(
        "docs/configuration.md", "The profiles are watched",
        "latest \(FolderWatch.longestMilliseconds / 1000) seconds"),
      Statement("docs/configuration.md", "Some changes", "Every \(ProfileFollower.lookMilliseconds / 1000) seconds"),
      Statement("docs/configuration.md", "Some changes", "the first \(FolderStamp.filesMax) files"),
      Statement(
        "docs/configuration.md", "**A disk that hangs**",
        "waits \(SettingsLoader.patienceMilliseconds) ms for the configuration"),
      Statement(
        "docs/configuration.md", "**A disk that hangs**",
        "waits \(SettingsLoader.profilesPatienceMilliseconds) ms for the profiles"),
      Statement(
        "docs/configuration.md", "**A disk that hangs**",
        "waits longer than \(Heartbeat.defaultLimit.components.seconds) seconds for an answer, as configured, a launched plugin "
          + "waits \(SettingsLoader.profilesPatiencePercent) % of that time"),
      Statement("docs/configuration.md", "**The log**", "buffer of \(LogOutput.limitBytes >> 10) KiB"),
      Statement("docs/configuration.md", "**The log**", "after \(SystemLogSocket.lineMaxBytes) bytes"),
      Statement("docs/configuration.md", "The configuration says", "at most \(Node.fileMaxBytes >> 20) MiB"),
    ]

  private static let monitoring: [Statement] = {
    let document = "docs/monitoring.md"
    let (seconds, patience) = (HTTPLimits.patience.components.seconds, MonitoringLimits.patience.components.seconds)
    return [
      Statement(
        document, "| `/metrics` |", "tables at most \(MonitoringLimits.fillsMaxAge.components.seconds) seconds"),
      Statement(document, "| `/healthz` |", "not answered for \(patience) seconds"),
      Statement(document, "| `/healthz` |", "did nothing for \(patience) seconds"),
      Statement(document, "Only GET", "at most \(HTTPLimits.requestMaxBytes) bytes"),
      Statement(document, "Only GET", "serves \(HTTPLimits.connections) clients"),
      Statement(document, "Only GET", "more than \(HTTPLimits.connectionsPerSecond) clients"),
      Statement(document, "Only GET", "\(seconds) seconds for the request"),
      Statement(document, "Only GET", "\(seconds) for the answer"),
      Statement(document, "Only GET", "\(seconds) to take it"),
      Statement(document, "Only GET", "again every \(HTTPLimits.retry.components.seconds) seconds"),
    ]
  }()

  private static let seccomp: [Statement] =
    [
      ("syscall names in all rules", FilterCheck.callsMax), ("rules about one call", FilterCheck.rulesPerCallMax),
      ("conditions in all rules, counted for each name", FilterCheck.conditionsMax),
      ("instructions of the finished program", FilterProgram.instructionsMax),
      ("seconds of CPU time for libseccomp", Int(FilterInput.secondsMax)),
    ].map { Statement("docs/seccomp.md", "| \($0.0) |", "| \($0.1) |") }
    + [Statement("docs/seccomp.md", "A filter is read", "of a filter, at most \(Faults.errorsMax)")]

  private static let network: [Statement] =
    [
      ("rules in a section", NetworkRuleParser.rulesMax),
      ("`ports` in a rule", NetworkRuleParser.portsMax),
      ("prefixes in `except` of a rule", NetworkRuleParser.exceptMax),
      ("different prefixes in a section, of `cidr` and `except`, with both `/0`", CompiledPolicy.prefixesMax),
      ("rules times their ports that apply to one address", CompiledPolicy.entriesMax),
      ("ports in `bind` of a file", BindList.portsMax),
      (
        "port ranges in `bind` and those that ingress blocks for every peer, together", CompiledPolicy.bindsMax
      ),
      ("prefixes of all profiles in use, for each direction and family", Int(STOCKADE_NET_PREFIXES_MAX)),
    ].map { Statement("docs/network.md", "| \($0.0) |", "| \($0.1) |") } + [
      Statement("docs/network.md", "**UDP, ICMP", "for \(STOCKADE_FLOW_IDLE_SECONDS) seconds"),
      Statement(
        "docs/network.md", "Each container with network rules", "holds \(STOCKADE_FLOWS_OF_CONTAINER_MAX) flows"),
      Statement(
        "docs/network.md", "- **Hidden destinations.**", "more than \(STOCKADE_IPV6_EXTENSIONS_MAX) extension headers"),
      Statement("docs/network.md", "- **Processes that left", "remembers \(STOCKADE_STRAYS_OF_CONTAINER_MAX) of each"),
      Statement("docs/network.md", "- **Processes that left", "\(STOCKADE_STRAYS_MAX) of all containers together"),
      Statement("SECURITY.md", "**Processes that left", "remembers \(STOCKADE_STRAYS_OF_CONTAINER_MAX) such processes"),
      Statement("SECURITY.md", "**Processes that left", "\(STOCKADE_STRAYS_MAX) of all"),
    ]

  /// Of an event's data, each of path and arguments has half.
  private static let eventPartMaxBytes = STOCKADE_EVENT_DATA_MAX_BYTES / 2

  private static let audit: [Statement] = [
    Statement(reference, "Root of the node can soften", "1 to \(AuditRequest.secondsMax) seconds"),
    Statement(reference, "Root of the node can soften", "at most \(AuditRequest.reasonMax) characters"),
    Statement(reference, "The deadline is in the kernel", "At most \(TemporaryAudit.countMax) audits"),
    Statement("docs/events.md", "| `containers[].container`", "at most \(AuditRecord.containersMax)"),
    Statement("docs/events.md", "| `reason` | text | what the caller", "at most \(AuditRequest.reasonMax) characters"),
    Statement(
      "docs/events.md", "The kernel ends an audit", "up to \(2 * DamageWatch.lookMilliseconds / 1000) seconds"),
    Statement("SECURITY.md", "**A temporary audit.**", "at most \(AuditRequest.secondsMax) seconds"),
  ]

  private static let events: [Statement] = [
    .key("docs/events.md", "comm", "at most \(MemoryLayout.size(ofValue: stockade_event().comm) - 1) bytes"),
    .key("docs/events.md", "path", "its first \(eventPartMaxBytes) bytes"),
    .key("docs/events.md", "hook", "its first \(STOCKADE_HOOK_PATH_MAX_BYTES) bytes"),
    .key("docs/events.md", "arguments", "the first \(EventDecoder.argumentsMaxBytes) bytes"),
    .key("docs/events.md", "argumentsSource", "over \(CommandLineReader.patienceMilliseconds) ms"),
    .key("docs/events.md", "overLongPath", "does not fit \(STOCKADE_PATH_MAX_BYTES) bytes"),
    .key("docs/events.md", "overLongArguments", "more than \(STOCKADE_ARGUMENTS_MAX_BYTES) bytes"),
    Statement("docs/events.md", "A container", "\(STOCKADE_EVENTS_PER_SECOND) records a second"),
    Statement("docs/events.md", "A container", "\(STOCKADE_EVENTS_BURST) at once"),
    Statement("docs/events.md", "A container", "\(STOCKADE_EVENTS_BYTES >> 20) MiB"),
    Statement("docs/events.md", "**Records that wait", "buffer of \(EventSubscription.limitBytes >> 20) MiB"),
    Statement("docs/events.md", "**Records that wait", "once in \(EventSubscription.reportSeconds) seconds"),
    Statement("docs/events.md", "**Records that wait", "for \(EventHub.finishMilliseconds) ms"),
    .key("docs/events.md", "pod.labels", "over \(PodLabel.valueMaxBytes) bytes"),
    Statement("docs/events.md", "The file", "up to \(FileSink.limitBytes >> 20) MiB"),
    Statement("docs/events.md", "The file", "\(2 * FileSink.limitBytes >> 20) MiB"),
    Statement("SECURITY.md", "**Resources.**", "\(STOCKADE_EVENTS_PER_SECOND) a second"),
  ]

  private static let memory: [Statement] =
    [
      ("script_rules`", "\(STOCKADE_SCRIPT_RULES_MAX) rules"),
      ("strays`", "\(STOCKADE_STRAYS_OF_CONTAINER_MAX) of a container"),
      ("strays`", "\(STOCKADE_STRAYS_MAX) of the node"),
      ("strays`", "when \(STOCKADE_STRAYS_MAX / STOCKADE_STRAYS_OF_CONTAINER_MAX) containers"),
      ("stray_counts`", "\(STOCKADE_CONTAINERS_MAX) of the node"),
      ("syscall_filters`", "\(STOCKADE_CONTAINERS_MAX) of the node"),
      ("events`", "\(MemoryLayout<stockade_event>.size + MemoryLayout<stockade_syscall>.size) bytes"),
      ("gates`", "\(STOCKADE_GATES_MAX) of the node"), ("hooks`", "\(STOCKADE_HOOKS_MAX) of the node"),
      (
        "policies`",
        "\(STOCKADE_POLICIES_MAX), \(STOCKADE_PATH_RULES_MAX), \(STOCKADE_ARGUMENTS_MAX) and \(STOCKADE_NET_PREFIXES_MAX)"
      ),
      ("flows`", "\(STOCKADE_FLOWS_OF_CONTAINER_MAX) of each"), ("rate`", "\(STOCKADE_RATES_MAX) of the node"),
      ("rate`", "\(STOCKADE_EVENTS_BURST) records at once"), ("events`", "\(STOCKADE_EVENTS_BYTES >> 20) MiB"),
      ("events`", "\(STOCKADE_EVENTS_BURST) records at once"), ("events`", "\(STOCKADE_EVENTS_PER_SECOND) a second"),
      ("events`", "\(MemoryLayout<stockade_event>.size + Int(STOCKADE_EVENT_DATA_MAX_BYTES)) bytes"),
    ].map { Statement("docs/tiers.md", "| `\($0.0)", $0.1) } + [
      Statement("docs/tiers.md", list, "\(SynchronizeReader.maximumPods) pods"),
      Statement("docs/tiers.md", list, "\(SynchronizeReader.maximumContainers) containers"),
      Statement("docs/tiers.md", list, "\(SynchronizeReader.maximumBytes >> 20) MiB in one message"),
      Statement("docs/tiers.md", list, "\(ObjectNeeds.annotationsMaximumBytes >> 10) KiB of a pod"),
      Statement("SECURITY.md", "**A long list", "up to \(SynchronizeReader.maximumBytes >> 20) MiB"),
      Statement("docs/tiers.md", "At its start Stockade needs", "\(DescriptorLimit.needed) descriptors"),
    ]
  private static let list = "| the runtime's list"

  private static let silenceSeconds = KeeperPlan.silentLooksMax * KeeperPlan.servingLookMilliseconds / 1000

  private static let nodeGate: [Statement] = [
    .key("docs/configuration.md", "nodeGate.parents", "at most \(NodeConfiguration.NodeGate.parentsMax)"),
    .key("docs/configuration.md", "nodeGate.parents", "at most \(NodeConfiguration.NodeGate.parentMaxBytes) bytes"),
    .key("docs/configuration.md", "nodeGate.exempt.staticPods", "at most \(NodeConfiguration.NodeGate.exemptMax)"),
    Statement("docs/events.md", "A record of kind `nodeGate`", "the newest \(STOCKADE_GATE_RECORDS)"),
    .key("docs/events.md", "reason", "its first \(STOCKADE_REASON_MAX_BYTES - 1) bytes"),
    Statement(
      "docs/tiers.md", "| `gate_parents`", "\(STOCKADE_GATE_PARENTS_MAX) and \(STOCKADE_GATE_EXEMPT_MAX)"),
    Statement("docs/tiers.md", "| `recordings`", "\(STOCKADE_FACTS_MAX) facts"),
    Statement("docs/tiers.md", "| `recordings`", "each of \(STOCKADE_RECORDINGS_MAX) containers"),
    Statement("docs/tiers.md", "| `gate_records`", "\(STOCKADE_GATE_RECORDS) of the node"),
    Statement("docs/node-gate.md", "These commands", "the \(STOCKADE_GATE_RECORDS) newest"),
    Statement("docs/node-gate.md", "| `stockade gate open", "\(NodeGateCommand.longestOpeningSeconds / 3600) hours"),
    Statement("docs/node-gate.md", "A static pod's", "\(STOCKADE_STATIC_POD_UID_BYTES) digits"),
  ]

  private static let node: [Statement] = [
    Statement("docs/tiers.md", "A process is in a container", "from \(STOCKADE_CGROUP_LEVELS_MAX) levels"),
    Statement("docs/tiers.md", "**A program keeps", "\(STOCKADE_ARGUMENT_RULES_MAX) argument rules"),
    Statement("docs/tiers.md", "**A program keeps", "\(STOCKADE_ARGUMENTS_MAX_BYTES) bytes of arguments"),
    Statement("README.md", "- ", "\(STOCKADE_CONTAINERS_MAX) containers"),
    Statement("README.md", "- ", "\(STOCKADE_GATES_MAX) gates"),
    Statement("README.md", "- ", "\(STOCKADE_POLICIES_MAX) policies"),
    Statement("README.md", "- ", "\(STOCKADE_PATH_RULES_MAX) entries for path rules"),
    Statement("README.md", "- ", "\(STOCKADE_ARGUMENTS_MAX) argument rules"),
    Statement("README.md", "- If the plugin shows", "\(silenceSeconds) seconds"),
    Statement("SECURITY.md", "- *The keeper", "\(silenceSeconds) seconds"),
    Statement("README.md", "Stockade reports", "\(STOCKADE_EVENTS_PER_SECOND) a second"),
  ]
}
