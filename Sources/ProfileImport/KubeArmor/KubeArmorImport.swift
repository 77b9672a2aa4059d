import Policy
import YAML

/// KubeArmorPolicy and KubeArmorClusterPolicy.
struct KubeArmorImport: ObjectImport {
  let notes: ImportNotes
  var draft: ProfileDraft
  /// What a section's rules have where they say nothing themselves.
  var inherited = RuleDefaults()

  init(notes: ImportNotes, draft: ProfileDraft) { (self.notes, self.draft) = (notes, draft) }

  mutating func read(_ spec: SourceMapping, _ head: ObjectHead) {
    inherited = RuleDefaults(spec, within: RuleDefaults())
    draft.comments.head += inherited.comment.map { [$0] } ?? []
    readSelector(spec, head)
    if let section = spec.mapping("process") { readPaths(section, isProcess: true) }
    if let section = spec.mapping("file") { readPaths(section, isProcess: false) }
    if let section = spec.mapping("network") { readNetwork(section) }
    readPresets(spec)
    readOthers(spec)
    spec.finish()
  }

  // MARK: What a profile has in another way

  private mutating func readPresets(_ spec: SourceMapping) {
    for preset in spec.mappings("presets") {
      let defaults = RuleDefaults(preset, within: inherited)
      let name = preset.text("name")
      preset.finish()
      guard name == "filelessExec" else {
        notes.lost(
          preset.line, preset.place, "Stockade has no preset \(quoted(name ?? "")); write process and kernel rules")
        continue
      }
      readFileless(preset, defaults)
    }
  }

  private mutating func readFileless(_ preset: SourceMapping, _ defaults: RuleDefaults) {
    var section = draft.profile.process ?? ProcessSection()
    if section.fileless > defaults.action {
      notes.lost(
        preset.line, preset.place,
        "process.fileless is \(section.fileless.name) already, by another preset or since an Allow rule blocks all "
          + "others; the stricter one holds")
    } else {
      section.fileless = defaults.action
      if let comment = defaults.comment { draft.comments.above["spec.process", default: []].append(comment) }
    }
    if preset["tags"] != nil {
      notes.lost(preset.line(of: "tags"), preset.path("tags"), "process.fileless has no tags")
    }
    draft.profile.process = section
  }

  private mutating func readOthers(_ spec: SourceMapping) {
    if let section = spec.mapping("capabilities") { loseCapabilities(section) }
    for (key, text) in Self.others { spec.lose(key, text) }
    if spec.text("status") == "Inactive" {
      notes.tell(
        spec.line(of: "status"), spec.path("status"),
        "the policy is switched off; the profile is in force as soon as a container has it")
    }
  }

  private static let others: KeyValuePairs<String, String> = [
    "syscalls": "KubeArmor only reports these calls, and no rule of Stockade reports a call and lets it pass; write "
      + "spec.seccomp with SCMP_ACT_LOG (docs/seccomp.md)",
    "apparmor": "an AppArmor profile is loaded by the node, beside Stockade",
    "selinux": "an SELinux policy is loaded by the node, beside Stockade",
    "device": "Stockade has no rules about USB devices; a container has the devices that its pod asks for",
  ]

  /// The part of the kernel for which a capability is mostly wanted.
  private static let surfaces: [String: KernelSurface] = [
    "sys_module": .moduleLoad, "sys_ptrace": .ptrace, "net_raw": .packetSockets, "sys_admin": .mount, "bpf": .bpf,
    "perfmon": .perfEvents,
  ]

  /// What to write in place of a rule about a capability.
  private static func advice(_ name: String, _ action: Action) -> String {
    let word = name.uppercased()
    switch action {
    case .audit: return ", and nothing of Stockade reports their use"
    case .allow: return "; write securityContext.capabilities: {drop: [ALL], add: [\(word)]} in the pod"
    case .block:
      let surface = surfaces[name.lowercased()].map { ", and kernel.block: [\($0.rawValue)] in the profile" } ?? ""
      return "; write securityContext.capabilities: {drop: [\(word)]} in the pod\(surface)"
    }
  }

  private func loseCapabilities(_ section: SourceMapping) {
    let outer = RuleDefaults(section, within: inherited)
    for rule in section.mappings("matchCapabilities") {
      let defaults = RuleDefaults(rule, within: outer)
      rule.pass("fromSource")
      let name = rule.text("capability") ?? ""
      notes.lost(
        rule.line, rule.place,
        "a profile has no rules about capabilities\(Self.advice(printable(name), defaults.action))")
      rule.finish()
    }
    section.finish()
  }
}
