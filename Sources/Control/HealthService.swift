import CProtobuf
import RPC
import TTRPC

/// grpc.health.v1. A socket that answers serves, so a service that is known is serving.
enum HealthService {
  static let name = "grpc.health.v1.Health"

  static let methods = [
    RPCMethod.unary("/\(name)/Check") { (bytes, _) throws(RPCStatus) in
      let service = try requested(bytes)
      guard isKnown(service) else { throw RPCStatus(.notFound, "there is no service \(service)") }
      return answer(GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING)
    },
    RPCMethod.stream("/\(name)/Watch") { (bytes, _, stream) throws(RPCStatus) in
      let service = try requested(bytes)
      // The state does not change before the end, so one answer is all. The client waits for the next one.
      stream.keepOpen(
        with: answer(
          isKnown(service)
            ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
            : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN))
    },
  ]

  /// An empty name is the server's.
  private static func isKnown(_ service: String) -> Bool {
    service.isEmpty || ReflectionService.services.contains(service)
  }

  private static func requested(_ bytes: [UInt8]) throws(RPCStatus) -> String {
    try ControlService.decoded(bytes) { (message: HealthRequestMessage) in text(message.service) }
  }

  private static func answer(_ status: Grpc__Health__V1__HealthCheckResponse__ServingStatus) -> [UInt8] {
    HealthResponseMessage.encode { message, _ in message.status = status }
  }
}
