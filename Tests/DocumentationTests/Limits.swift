import CStockade
import Events
import Policy
import YAML

@testable import Seccomp

/// Every limit that the documents state, with the code's own value in it.
enum Limits {
  static let all = profile + rules + configuration + seccomp + network + events + node

  private static let reference = "docs/profile-reference.md"

  private static let profile: [Statement] = [
    Statement(reference, "A profile says", "at most \(Node.fileMaxBytes >> 20) MiB"),
    Statement(reference, "A profile says", "the first \(ProfileFolder.filesMax)"),
    .key(reference, "metadata.name", "at most \(ProfileName.maxBytes) lower-case letters"),
    .key(reference, "spec.extends", "at most \(ProfileLayer.extendsMax)"),
    .key(reference, "spec.extends", "\(ProfileResolver.depthMax) profiles deep"),
    .key(reference, "spec.seccomp.localhostProfile", "at most \(SeccompSection.fileNameMaxBytes) bytes"),
    .key(reference, "spec.seccomp.defaultErrnoRet", "only \(FilterAction.errnoDefault) (EPERM)"),
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
    .key(reference, "spec.file.rules", "at most \(PathRuleParser.rulesMax)"),
    .key(reference, "spec.network.egress.rules", "at most \(NetworkRuleParser.rulesMax)"),
    .key(reference, "spec.network.egress.rules[].except", "at most \(NetworkRuleParser.exceptMax) prefixes"),
    .key(reference, "spec.network.egress.rules[].ports", "at most \(NetworkRuleParser.portsMax)"),
    .key(reference, "spec.network.egress.rules[].ports[].port", "1 to \(UInt16.max)"),
    Statement(reference, "A *path* is", "at most \(RulePath.maxBytes) bytes"),
    Statement(reference, "**Arguments**", "longer than \(PathRule.argumentsMaxBytes) bytes"),
    Statement("docs/tiers.md", "| a mount", "paths over \(ProcessSection.pathMaxBytes) bytes"),
  ]

  private static let configuration: [Statement] =
    ["namespaces", "images", "allowedProfiles"].map {
      .key("docs/configuration.md", "bindings[].\($0)", "at most \(NodeConfiguration.listMax)")
    } + [
      .key("docs/configuration.md", "allowedProfiles", "at most \(NodeConfiguration.listMax)"),
      .key("docs/configuration.md", "bindings", "at most \(NodeConfiguration.bindingsMax)"),
      Statement("docs/configuration.md", "YAML", "at most \(Node.fileMaxBytes >> 20) MiB"),
    ]

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
      ("different prefixes in a section, of `cidr` and `except`, with both `/0`", NetworkDirection.prefixesMax),
      ("rules times their ports that apply to one address", NetworkDirection.entriesMax),
      ("port ranges that ingress blocks for every peer", Int(STOCKADE_BIND_RANGES_MAX)),
      ("prefixes of all profiles in use, for each direction and family", Int(STOCKADE_NET_PREFIXES_MAX)),
    ].map { Statement("docs/network.md", "| \($0.0) |", "| \($0.1) |") } + [
      Statement("docs/network.md", "**UDP, ICMP", "for \(STOCKADE_FLOW_IDLE_SECONDS) seconds"),
      Statement("docs/network.md", "The table of flows", "holds \(STOCKADE_FLOWS_MAX)"),
      Statement("docs/network.md", "- Source routes", "more than \(STOCKADE_IPV6_EXTENSIONS_MAX) extension headers"),
      Statement("docs/network.md", "- **Processes that left", "remembers \(STOCKADE_STRAYS_MAX) of them"),
      Statement("SECURITY.md", "**Network rules**", "remembers \(STOCKADE_STRAYS_MAX) such processes"),
    ]

  /// Of an event's data, each of path and arguments has half.
  private static let eventPartMaxBytes = STOCKADE_EVENT_DATA_MAX_BYTES / 2

  private static let events: [Statement] = [
    .key("docs/events.md", "comm", "at most \(MemoryLayout.size(ofValue: stockade_event().comm) - 1) bytes"),
    .key("docs/events.md", "path", "its first \(eventPartMaxBytes) bytes"),
    .key("docs/events.md", "arguments", "the first \(EventDecoder.argumentsMaxBytes) bytes"),
    .key("docs/events.md", "overLongPath", "does not fit \(STOCKADE_PATH_MAX_BYTES) bytes"),
    .key("docs/events.md", "overLongArguments", "more than \(STOCKADE_ARGUMENTS_MAX_BYTES) bytes"),
    Statement("docs/events.md", "A container", "\(STOCKADE_EVENTS_PER_SECOND) records a second"),
    Statement("docs/events.md", "A container", "\(STOCKADE_EVENTS_BURST) at once"),
    Statement("docs/events.md", "A container", "\(STOCKADE_EVENTS_BYTES >> 20) MiB"),
    Statement("docs/events.md", "The file", "At \(FileSink.limitBytes >> 20) MiB"),
    Statement("docs/events.md", "The file", "\(2 * FileSink.limitBytes >> 20) MiB"),
    Statement("SECURITY.md", "**Resources.**", "\(STOCKADE_EVENTS_PER_SECOND) a second"),
  ]

  private static let node: [Statement] = [
    Statement("README.md", "- ", "\(STOCKADE_CONTAINERS_MAX) containers and gates"),
    Statement("README.md", "- ", "\(STOCKADE_POLICIES_MAX) policies"),
    Statement("README.md", "- ", "\(STOCKADE_PATH_RULES_MAX) entries for path rules"),
    Statement("README.md", "- ", "\(STOCKADE_ARGUMENTS_MAX) argument rules"),
    Statement("README.md", "Each exec", "\(STOCKADE_EVENTS_PER_SECOND) a second"),
  ]
}
