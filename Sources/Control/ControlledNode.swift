import Events
import Explanation
import Policy
import RPC
import Status

/// What the control API serves. The daemon conforms, and so do tests.
package protocol ControlledNode: Sendable {
  /// Another one after each start of Stockade.
  var instance: String { get }
  var events: EventHub { get }
  /// The node's name in records.
  var name: String { get }
  func status() -> NodeStatus
  func containers() -> [ContainerStatus]
  /// nil: there is no such container, or the beginning of an id is not of one alone.
  func details(ofContainer id: String) -> ContainerDetails?
  func profiles() -> [ProfileStatus]
  /// - Parameter id: the id, or the beginning of one.
  /// - Throws: why nothing can be said.
  func explain(_ operation: Operation, inContainer id: String) throws(RPCStatus) -> Explanation
  /// Reads the profiles again, and returns when that is done.
  func reload() -> ReloadOutcome
  /// - Throws: why it is refused.
  func setAudit(_ request: AuditRequest, by caller: AuditCaller) throws(RPCStatus) -> AuditOutcome
  /// Begins a recording on a thread of its own, and returns.
  ///
  /// - Throws: why nothing is recorded.
  func record(_ request: RecordRequest, _ call: RecordingCall) throws(RPCStatus)
  /// - Returns: false: there is no such recording.
  func endRecording(_ name: String) -> Bool
}

/// What the profiles' new texts came to.
package struct ReloadOutcome: Equatable, Sendable {
  package var changed: [String]
  /// What was in force before stays so.
  package var problems: [String]
  package init(changed: [String], problems: [String]) { (self.changed, self.problems) = (changed, problems) }
}

package struct AuditOutcome: Equatable, Sendable {
  package var audit: AuditStatus
  /// What it does not change.
  package var remarks: [String]
  package init(audit: AuditStatus, remarks: [String]) { (self.audit, self.remarks) = (audit, remarks) }
}
