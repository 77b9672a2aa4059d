import System
import TTRPC

/// Why an NRI session, or one call of it, came to nothing.
package enum NRIError: Error, Equatable, Sendable {
  case socket(Errno)
  case wire(WireError)
  case invalidPluginName(String)
  case invalidPluginIndex(String)
  case registrationRefused(Status)
  case unexpectedMessage(connection: UInt32, kind: MessageHeader.Kind, stream: UInt32)
  case outOfOrder(method: String, needed: String)
  case missing(field: String, method: String)
  case configuredTwice
  /// The connection is open, but the runtime does not say what runs.
  case notSynchronized
  case notAStateChange(event: Int32)
  case tooManyPods(limit: Int)
  case tooManyContainers(limit: Int)
  case objectTooLong(String, limit: Int)
  case callTooLong(method: String, length: Int)
  case synchronizeTooLong(length: Int, largest: [PodSize])
  case noEvents(asked: EventMask, taken: EventMask)
  case emptyPolicy
  case errnoReturnNotTaken(syscall: String)

  /// How much of a message a pod and its containers take.
  package struct PodSize: Equatable, Sendable {
    package var name: String
    package var bytes: Int
  }
}

extension NRIError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .socket(let error): "NRI socket: \(error)"
    case .wire(let error): "NRI connection: \(error)"
    case .invalidPluginName(let name):
      "plugin name \"\(name)\" is not valid: use the characters A-Z a-z 0-9 _ . + - (the file is NN-name)"
    case .invalidPluginIndex(let index): "plugin index \"\(index)\" is not valid: use two digits (the file is NN-name)"
    case .registrationRefused(let status):
      "the runtime refused the registration (code \(status.code)): \(status.message)"
    case .unexpectedMessage(let connection, let kind, let stream):
      "unexpected \(kind) on connection \(connection), stream \(stream)"
    case .outOfOrder(let method, let needed): "\(method) came before \(needed)"
    case .missing(let field, let method): "\(method) has no \(field)"
    case .notSynchronized: "the runtime does not tell what runs on this node"
    case .configuredTwice: "the plugin is configured already"
    case .notAStateChange(let event): "StateChange cannot carry event \(event)"
    case .tooManyPods(let limit): "Synchronize has more than \(limit) pods: remove pods from the node"
    case .tooManyContainers(let limit): "Synchronize has more than \(limit) containers: remove pods from the node"
    case .objectTooLong(let path, let limit): "\(path): one takes more than \(limit) bytes without what is not needed"
    case .callTooLong(let method, let length):
      "\(method) of \(length) bytes is over the limit of \(MessageHeader.maximumBodyLength): shorten the pod's annotations or the container's environment"
    case .synchronizeTooLong(let length, let largest):
      "Synchronize of \(length) bytes is over the limit of \(SynchronizeReader.maximumBytes): the pods of this node say too much in annotations, environments and the like; the largest: \(largest.map(\.description).joined(separator: ", "))"
    case .noEvents(let asked, let taken):
      "no event is left to subscribe to (asked \(asked.hexadecimal), the runtime takes \(taken.hexadecimal))"
    case .emptyPolicy: "the plugin set an empty seccomp policy: the runtime would start the container unconfined"
    case .errnoReturnNotTaken(let syscall):
      "the plugin set errno_ret for \(syscall): this runtime would crash; errno_ret needs NRI 0.12"
    }
  }
}

extension NRIError.PodSize: CustomStringConvertible {
  package var description: String { "\(name.prefix(Self.nameMaximum)) (\(bytes) bytes)" }

  /// A namespace and a name of Kubernetes together are shorter.
  private static let nameMaximum = 320
}
