import CProtobuf
import RPC
import TTRPC

/// gRPC's reflection, v1 and v1alpha: the services describe themselves. Both versions have the same messages.
enum ReflectionService {
  /// A .proto file, as protoc describes it.
  struct File: Sendable {
    var name: String
    /// A FileDescriptorProto.
    var bytes: [UInt8]
    /// The full names of its messages, enums, services and methods.
    var symbols: Set<String>
    var services: [String]
  }

  static let files = read()
  static let services = files.flatMap(\.services).sorted()

  static let methods = ["grpc.reflection.v1", "grpc.reflection.v1alpha"].map { package in
    RPCMethod.dialogue("/\(package).ServerReflection/ServerReflectionInfo") { (bytes, _) throws(RPCStatus) in
      try ControlService.decoded(bytes, answer)
    }
  }

  private static func read() -> [File] {
    var size: UInt = 0
    let start = stockade_descriptors(&size)
    let set = Array(UnsafeBufferPointer(start: start, count: Int(size)))
    let files = try? FileDescriptorSetMessage.decode(set) { message in
      UnsafeBufferPointer(start: message.file, count: message.n_file).map {
        Array(UnsafeBufferPointer(start: $0.data, count: $0.len))
      }
    }
    return (files ?? []).compactMap { bytes in
      try? FileDescriptorMessage.decode(bytes) { message in
        let package = text(message.package)
        let declared =
          (elements(message.n_message_type, message.message_type) + elements(message.n_enum_type, message.enum_type))
          .map { "\(package).\(text($0.pointee.name))" }
        let services = elements(message.n_service, message.service)
        let names = services.map { "\(package).\(text($0.pointee.name))" }
        let methods = zip(names, services).flatMap { name, service in
          elements(service.pointee.n_method, service.pointee.method).map { "\(name).\(text($0.pointee.name))" }
        }
        return File(
          name: text(message.name), bytes: bytes, symbols: Set(declared + names + methods), services: names)
      }
    }
  }

  private static func answer(_ request: ServerReflectionRequestMessage) -> [UInt8] {
    ServerReflectionResponseMessage.encode { message, arena in
      message.valid_host = arena.string(text(request.host))
      message.original_request = arena.message { copy(request, to: &$0, arena) }
      switch request.message_request_case {
      case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        message.message_response_case =
          GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE
        message.list_services_response = arena.message { (list: inout ListServiceResponseMessage) in
          (list.n_service, list.service) = arena.array(services) { name in
            arena.message { (service: inout ServiceResponseMessage) in service.name = arena.string(name) }
          }
        }
      case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        let name = text(request.file_by_filename)
        write(files.first { $0.name == name }, "file", name, to: &message, arena)
      case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        let symbol = text(request.file_containing_symbol)
        write(files.first { $0.symbols.contains(symbol) }, "symbol", symbol, to: &message, arena)
      case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        fail(.notFound, "there are no extensions", in: &message, arena)
      default: fail(.invalidArgument, "the request asks for nothing that is known", in: &message, arena)
      }
    }
  }

  private static func write(
    _ file: File?, _ kind: String, _ name: String, to message: inout ServerReflectionResponseMessage, _ arena: Arena
  ) {
    guard let file else { return fail(.notFound, "there is no \(kind) \(name)", in: &message, arena) }
    message.message_response_case =
      GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE
    message.file_descriptor_response = arena.message { (response: inout FileDescriptorResponseMessage) in
      (response.n_file_descriptor_proto, response.file_descriptor_proto) = arena.list([arena.bytes(file.bytes)])
    }
  }

  private static func fail(
    _ code: RPCStatus.Code, _ text: String, in message: inout ServerReflectionResponseMessage, _ arena: Arena
  ) {
    message.message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE
    message.error_response = arena.message { (error: inout ErrorResponseMessage) in
      error.error_code = code.rawValue
      error.error_message = arena.string(text)
    }
  }

  private static func copy(
    _ request: ServerReflectionRequestMessage, to copy: inout ServerReflectionRequestMessage, _ arena: Arena
  ) {
    copy.host = arena.string(text(request.host))
    copy.message_request_case = request.message_request_case
    switch request.message_request_case {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME,
      GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL,
      GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE,
      GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
      // The texts share one place.
      copy.list_services = arena.string(text(request.list_services))
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
      let extension_ = request.file_containing_extension?.pointee
      copy.file_containing_extension = arena.message { (copy: inout ExtensionRequestMessage) in
        copy.containing_type = arena.string(text(extension_?.containing_type))
        copy.extension_number = extension_?.extension_number ?? 0
      }
    default: break
    }
  }
}
