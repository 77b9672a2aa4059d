import CProtobuf
import Explanation
import Policy
import RPC
import TTRPC

/// The method Explain, and what it says between protobuf-c's structs and Swift.
enum ExplainService {
  /// The filter's program may have to be built, so no other call waits for it.
  static func method(_ node: any ControlledNode) -> RPCMethod {
    RPCMethod.unary(ControlService.Method.explain.path, .slow) { (bytes, _) throws(RPCStatus) in
      let (id, words) = try ControlService.decoded(bytes) { (message: ExplainRequestMessage) in
        (text(message.container_id), texts(message.n_operation, message.operation))
      }
      guard !id.isEmpty else { throw RPCStatus(.invalidArgument, "container_id is missing") }
      let operation: Operation
      do { operation = try Operation(words) } catch { throw RPCStatus(.invalidArgument, "\(error)") }
      let explanation = try node.explain(operation, inContainer: id)
      return ExplainResponseMessage.encode { explanation.write(to: &$0, $1) }
    }
  }
}

extension Explanation {
  init(_ message: ExplainResponseMessage) {
    self.init()
    operation = text(message.operation)
    profile = text(message.profile)
    steps = elements(message.n_steps, message.steps).map { Step($0.pointee) }
    notes = texts(message.n_notes, message.notes)
  }

  func write(to message: inout ExplainResponseMessage, _ arena: Arena) {
    message.operation = arena.string(operation)
    message.profile = arena.string(profile)
    (message.n_steps, message.steps) = arena.array(steps) { step in arena.message { step.write(to: &$0, arena) } }
    (message.n_notes, message.notes) = arena.array(notes, arena.string)
    message.is_stopped = isStopped ? 1 : 0
  }
}

extension Explanation.Step {
  fileprivate init(_ message: ExplainStepMessage) {
    self.init()
    subject = text(message.subject)
    action = Action.allCases.first { $0.name == text(message.action) } ?? .allow
    effect = text(message.effect)
    if let message = message.decider?.pointee {
      let found = Explanation.Candidate(message)
      (decider, location) = (found.rule, found.location)
    }
    why = text(message.why)
    candidates = elements(message.n_matching, message.matching).map { Explanation.Candidate($0.pointee) }
    near = elements(message.n_not_matching, message.not_matching).map { Explanation.Candidate($0.pointee) }
    coverage = Explanation.Coverage(rawValue: text(message.coverage)) ?? .unknown
    enforcer = text(message.enforcer)
    gap = text(message.gap)
  }

  fileprivate func write(to message: inout ExplainStepMessage, _ arena: Arena) {
    message.subject = arena.string(subject)
    message.action = arena.string(action.name)
    message.effect = arena.string(effect)
    message.decider = arena.message { Explanation.Candidate(decider, location, "").write(to: &$0, arena) }
    message.why = arena.string(why)
    (message.n_matching, message.matching) = arena.array(candidates) { rule in
      arena.message { rule.write(to: &$0, arena) }
    }
    (message.n_not_matching, message.not_matching) = arena.array(near) { rule in
      arena.message { rule.write(to: &$0, arena) }
    }
    message.coverage = arena.string(coverage.rawValue)
    message.enforcer = arena.string(enforcer)
    message.gap = arena.string(gap)
  }
}

extension Explanation.Candidate {
  fileprivate init(_ message: ExplainRuleMessage) {
    let file = text(message.file)
    let location = file.isEmpty ? nil : Location(file: file, line: Int(message.line))
    self.init(text(message.rule), location, text(message.remark))
  }

  fileprivate func write(to message: inout ExplainRuleMessage, _ arena: Arena) {
    message.rule = arena.string(rule)
    message.file = arena.string(location?.file ?? "")
    message.line = UInt32(clamping: location?.line ?? 0)
    message.remark = arena.string(remark)
  }
}
