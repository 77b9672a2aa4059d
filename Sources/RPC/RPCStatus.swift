import CGRPC

/// How a call ended that has no answer: gRPC's status code, and a text for the caller.
package struct RPCStatus: Error, Equatable, CustomStringConvertible, Sendable {
  /// The numbers are gRPC's; grpc/status.h.
  package enum Code: Int32, Sendable {
    case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
    case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, `internal`, unavailable, dataLoss
    case unauthenticated
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }

  package static let ok = RPCStatus(.ok, "")

  package var description: String { message.isEmpty ? "\(code)" : message }
}
