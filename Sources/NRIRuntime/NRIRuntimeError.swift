import NRI
import TTRPC

/// Why a call of the runtime's half came to nothing.
package enum NRIRuntimeError: Error, Equatable, Sendable {
  /// What either half throws.
  case session(NRIError)
  case refused(method: String, Status)
  case rejected(reason: String)
  case timedOut(method: String, milliseconds: Int64)
  case pluginEnded(method: String)
  case eventsNotTaken(EventMask, version: NRIVersion)
  case splitNotHandled
}

extension NRIRuntimeError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .session(let error): error.description
    case .refused(let method, let status): "plugin refused \(method) (code \(status.code)): \(status.message)"
    case .rejected(let reason): "plugin rejected the container's adjustment: \(reason)"
    case .timedOut(let method, let milliseconds): "plugin did not answer \(method) in \(milliseconds) ms"
    case .pluginEnded(let method): "plugin closed its connection before it answered \(method)"
    case .eventsNotTaken(let events, let version):
      "plugin subscribed to events \(events.hexadecimal) that NRI \(version) does not know"
    case .splitNotHandled: "plugin does not take a Synchronize in parts: it did not answer more=true with more=true"
    }
  }
}

/// Runs what both halves have, and throws its error as one of the runtime's half.
func shared<Value>(_ body: () throws(NRIError) -> Value) throws(NRIRuntimeError) -> Value {
  do { return try body() } catch { throw .session(error) }
}
