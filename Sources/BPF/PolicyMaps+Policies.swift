import CBPF
import CStockade
import Compilation
import System

/// Gates of pods, and the policies of containers.
extension PolicyMaps {
  // MARK: Gates

  package func gateStates() throws(BPFError) -> [CgroupID: GateState] { try gates.all() }

  package func gate(_ pod: CgroupID) throws(BPFError) -> GateState? { try gates.state(pod) }

  package func sandbox(_ pod: CgroupID) throws(BPFError) -> SandboxEntry? { try gates.sandbox(pod) }

  package func sandboxes() throws(BPFError) -> [CgroupID: SandboxEntry] { try gates.allSandboxes() }

  package func replaceSandbox(_ pod: CgroupID, _ sandbox: SandboxEntry) throws(BPFError) {
    try gates.replace(pod, sandbox)
  }

  /// - Parameter sandbox: nil: what the programs already know of the sandbox, or will find out.
  package func setGate(
    _ pod: CgroupID, _ state: GateState, sandbox: SandboxEntry? = nil
  ) throws(BPFError) { try gates.set(pod, state, sandbox: sandbox) }

  /// A missing gate is success.
  package func removeGate(_ pod: CgroupID) throws(BPFError) {
    try gates.remove(pod)
    try rate.remove(pod)
    try detachReturnsIfUnused()
  }

  // MARK: Policies

  /// Writes a policy under a revision that no container has yet. The rules come first, the policy itself last.
  package func install(_ compiled: CompiledPolicy, revision: Revision) throws(BPFError) {
    rules.begin(revision)
    arguments.begin(revision)
    do {
      for path in compiled.process?.paths ?? [] { try set(path, STOCKADE_SECTION_PROCESS, revision) }
      for path in compiled.file?.paths ?? [] { try set(path, STOCKADE_SECTION_FILE, revision) }
      for argument in compiled.process?.arguments ?? [] {
        try arguments.set(
          stockade_argument_key(argument, revision: revision), stockade_argument(argument.argument))
      }
      try policies.set(revision, stockade_policy(compiled, revision: revision))
    } catch {
      try? removePolicy(revision)
      throw error
    }
  }

  private func set(
    _ path: CompiledPolicy.Path, _ section: stockade_path_section, _ revision: Revision
  ) throws(BPFError) {
    let hash = hash(path.bytes) | UInt64(section.rawValue) << UInt64(STOCKADE_PATH_SECTION_SHIFT)
    try rules.set(stockade_path_key(revision: revision.number, hash: hash), stockade_path_rule(path))
  }

  package func revisions() throws(BPFError) -> Set<Revision> { Set(try policies.keys(zero: Revision(0))) }

  package func removePolicy(_ revision: Revision) throws(BPFError) { try removePolicies([revision]) }

  package func removePolicies(_ revisions: Set<Revision>) throws(BPFError) {
    for revision in revisions { try policies.remove(revision) }
    try rules.remove(revisions)
    try arguments.remove(revisions)
  }

  package func removePolicies(except revisions: Set<Revision>) throws(BPFError) {
    for key in try policies.keys(zero: Revision(0)) where !revisions.contains(key) { try policies.remove(key) }
    try rules.remove { !revisions.contains($0) }
    try arguments.remove { !revisions.contains($0) }
  }
}
