import Policy
import YAML

/// TracingPolicy and TracingPolicyNamespaced, where a rule about programs, files or connections can stand for them.
struct TracingPolicyImport: ObjectImport {
  let notes: ImportNotes
  var draft: ProfileDraft

  init(notes: ImportNotes, draft: ProfileDraft) { (self.notes, self.draft) = (notes, draft) }

  mutating func read(_ spec: SourceMapping, _ head: ObjectHead) {
    for (key, name) in [("kprobes", "call"), ("fentries", "call"), ("lsmhooks", "hook")] {
      for probe in spec.mappings(key) { read(probe, name: name) }
    }
    for key in ["tracepoints", "uprobes", "usdts", "enforcers"] {
      for element in spec.list(key) {
        notes.lost(
          element.node.line, element.place,
          "no rule of Stockade is about \(key); rules are about programs, files, "
            + "connections and parts of the kernel")
      }
    }
    spec.pass("loader", "options")
    spec.lose("lists", "no rule stands for a list of functions; spec.seccomp lists system calls")
    spec.lose("selectorsMacros", "write what a macro holds in each selector")
    for key in ["hostSelector", "nodeSelector"] {
      spec.lose(key, "a profile is about containers; give nodes different configurations")
    }
    tellPods(spec, head)
    spec.finish()
    guard !draft.egress.isEmpty || !draft.process.isEmpty || !draft.file.isEmpty else { return }
    notes.tell(spec.line, spec.place, "what a rule blocks fails with EPERM, where Tetragon may kill the process")
  }

  private mutating func read(_ probe: SourceMapping, name key: String) {
    let defaults = RuleDefaults(describing: probe)
    let call = probe.text(key) ?? ""
    // What is shown, and how. It decides nothing.
    probe.pass("args", "data", "return", "returnArg", "returnArgAction", "syscall", "ignore")
    let selectors = probe.mappings("selectors")
    guard let hook = TracingHook.all[TracingHook.name(call)] else {
      notes.lost(
        probe.line, probe.place,
        "no rule stands for \(quoted(call))\(TracingHook.advice(for: call))")
      probe.finish()
      return
    }
    for selector in selectors {
      TracingSelector(selector, hook, defaults, notes).apply(to: &draft)
    }
    if selectors.isEmpty {
      notes.lost(
        probe.line, probe.place, "it reports every call of \(quoted(call)); write defaultAction: Audit in its section")
    }
    probe.finish()
  }

  private func tellPods(_ spec: SourceMapping, _ head: ObjectHead) {
    var choice = PodChoice()
    choice.namespaces = head.namespace.map { [$0] } ?? []
    if let selector = labels(spec, "podSelector") { choice.labels = selector }
    if let selector = labels(spec, "containerSelector") {
      for (key, value) in selector {
        if key == "name" {
          choice.containers.append(value)
        } else {
          notes.lost(
            spec.line(of: "containerSelector"), spec.path("containerSelector"),
            "a container is chosen by its name or image; write a binding with images for \(quoted(key))")
        }
      }
    }
    guard !choice.isEmpty else { return }
    let key = ["podSelector", "containerSelector"].first { spec.keys.contains($0) }
    notes.tell(
      key.map { spec.line(of: $0) } ?? head.line, key.map { spec.path($0) } ?? "metadata.namespace",
      choice.advice(profile: head.name))
  }

  private func labels(_ spec: SourceMapping, _ key: String) -> [(key: String, value: String)]? {
    guard let selector = spec.mapping(key) else { return nil }
    selector.lose("matchExpressions", "bindings name labels, and have no expressions; write a binding for each label")
    defer { selector.finish() }
    return selector.pairs("matchLabels")
  }
}
