import BPF
import Daemon
import Events
import Glibc
import System

/// Whether the node gate is as the configurations want it.
struct NodeGateExamination {
  private(set) var findings: [Finding] = []

  /// - Parameter files: the configurations that instances have read, or will read.
  init(_ places: Places, _ files: [ConfigurationFile]) {
    let asking = files.filter { $0.configuration.nodeGate.enabled }.map(\.path)
    guard let gate = places.nodeGate else {
      if asking.isEmpty { return }
      findings = [Finding(.nodeGate, .unknown, "it could not be looked at", "run stockade doctor as root")]
      return
    }
    findings = [Self.finding(gate, asking, instead: files.first?.path)]
    if let until = gate.openUntilNanoseconds {
      add(
        .limited, "all gates are open until \(Timestamp.rfc3339(nanoseconds: until))", "stockade gate close ends that")
    }
    if !asking.isEmpty, let problem = NodeGateRuntime.problem(in: places) { add(.missing, problem) }
  }

  private mutating func add(_ level: Finding.Level, _ found: String, _ advice: String? = nil) {
    findings.append(Finding(.nodeGate, level, found, advice))
  }

  private static func finding(_ gate: NodeGateState, _ asking: [String], instead file: String?) -> Finding {
    let parents = gate.parents.joined(separator: ", ")
    switch (gate.parents.isEmpty, asking.first) {
    case (true, nil): return Finding(.nodeGate, .ok, "not asked for")
    case (true, let asking?):
      return Finding(
        .nodeGate, .missing,
        "not closed, though \(asking) asks for it: pods that are made while Stockade is away are free",
        "run stockade gate close, and at boot the unit stockade-gate (docs/node-gate.md)")
    case (false, nil):
      // If no configuration can be read, nothing opens the gate.
      guard let file else { break }
      return Finding(
        .nodeGate, .limited, "closed in \(parents), though \(file) does not ask for it; it stays so",
        "write nodeGate: {enabled: true} there; or {enabled: false}, and restart Stockade to open it")
    case (false, _): break
    }
    return Finding(.nodeGate, .ok, "closed in \(parents)")
  }
}

/// The gates that are pinned, with or without a Stockade.
struct NodeGateState: Equatable, Sendable {
  /// The cgroups where the node gate is closed; empty: it is open.
  var parents: [String] = []
  /// The time until which nothing is held back: nanoseconds since 1970; nil: gates hold.
  var openUntilNanoseconds: Int64?

  /// - Returns: nil: the state cannot be read.
  static func ofThisNode() -> NodeGateState? {
    guard geteuid() == 0 else { return nil }
    do {
      guard let gate = try NodeGate.pinned(in: ConfinedNode.pinFolder) else { return NodeGateState() }
      return NodeGateState(parents: try gate.parents(), openUntilNanoseconds: try gate.openUntilNanoseconds())
    } catch { return nil }
  }
}
