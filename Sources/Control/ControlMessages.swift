import CProtobuf
import TTRPC

// Ties each generated C struct to its init function, and gives it a short name. The descriptor is found through that
// function.

typealias StatusRequestMessage = Stockade__Control__V1alpha1__StatusRequest
typealias StatusResponseMessage = Stockade__Control__V1alpha1__StatusResponse
typealias TierStatusMessage = Stockade__Control__V1alpha1__TierStatus
typealias RuntimeStatusMessage = Stockade__Control__V1alpha1__RuntimeStatus
typealias NodeGateStatusMessage = Stockade__Control__V1alpha1__NodeGateStatus
typealias ContainerCountMessage = Stockade__Control__V1alpha1__ContainerCount
typealias CountMessage = Stockade__Control__V1alpha1__Count
typealias TableFillMessage = Stockade__Control__V1alpha1__TableFill
typealias ProfilesStatusMessage = Stockade__Control__V1alpha1__ProfilesStatus
typealias ListContainersRequestMessage = Stockade__Control__V1alpha1__ListContainersRequest
typealias ListContainersResponseMessage = Stockade__Control__V1alpha1__ListContainersResponse
typealias ContainerMessage = Stockade__Control__V1alpha1__Container
typealias GetContainerRequestMessage = Stockade__Control__V1alpha1__GetContainerRequest
typealias GetContainerResponseMessage = Stockade__Control__V1alpha1__GetContainerResponse
typealias ListProfilesRequestMessage = Stockade__Control__V1alpha1__ListProfilesRequest
typealias ListProfilesResponseMessage = Stockade__Control__V1alpha1__ListProfilesResponse
typealias ProfileMessage = Stockade__Control__V1alpha1__Profile
typealias ExplainRequestMessage = Stockade__Control__V1alpha1__ExplainRequest
typealias ExplainResponseMessage = Stockade__Control__V1alpha1__ExplainResponse
typealias ExplainStepMessage = Stockade__Control__V1alpha1__ExplainStep
typealias ExplainRuleMessage = Stockade__Control__V1alpha1__ExplainRule
typealias WatchEventsRequestMessage = Stockade__Control__V1alpha1__WatchEventsRequest
typealias EventFilterMessage = Stockade__Control__V1alpha1__EventFilter
typealias PositionMessage = Stockade__Control__V1alpha1__Position
typealias WatchEventsResponseMessage = Stockade__Control__V1alpha1__WatchEventsResponse
typealias EventMessage = Stockade__Control__V1alpha1__Event
typealias LostEventsMessage = Stockade__Control__V1alpha1__LostEvents
typealias ReloadRequestMessage = Stockade__Control__V1alpha1__ReloadRequest
typealias ReloadResponseMessage = Stockade__Control__V1alpha1__ReloadResponse
typealias SetAuditRequestMessage = Stockade__Control__V1alpha1__SetAuditRequest
typealias SetAuditResponseMessage = Stockade__Control__V1alpha1__SetAuditResponse
typealias AuditMessage = Stockade__Control__V1alpha1__Audit
typealias RecordRequestMessage = Stockade__Control__V1alpha1__RecordRequest
typealias RecordResponseMessage = Stockade__Control__V1alpha1__RecordResponse
typealias RecordingBeginMessage = Stockade__Control__V1alpha1__RecordingBegin
typealias RecordingPieceMessage = Stockade__Control__V1alpha1__RecordingPiece
typealias EndRecordingRequestMessage = Stockade__Control__V1alpha1__EndRecordingRequest
typealias EndRecordingResponseMessage = Stockade__Control__V1alpha1__EndRecordingResponse
typealias HealthRequestMessage = Grpc__Health__V1__HealthCheckRequest
typealias HealthResponseMessage = Grpc__Health__V1__HealthCheckResponse
typealias ServerReflectionRequestMessage = Grpc__Reflection__V1__ServerReflectionRequest
typealias ServerReflectionResponseMessage = Grpc__Reflection__V1__ServerReflectionResponse
typealias ExtensionRequestMessage = Grpc__Reflection__V1__ExtensionRequest
typealias FileDescriptorResponseMessage = Grpc__Reflection__V1__FileDescriptorResponse
typealias ExtensionNumberResponseMessage = Grpc__Reflection__V1__ExtensionNumberResponse
typealias ListServiceResponseMessage = Grpc__Reflection__V1__ListServiceResponse
typealias ServiceResponseMessage = Grpc__Reflection__V1__ServiceResponse
typealias ErrorResponseMessage = Grpc__Reflection__V1__ErrorResponse
typealias FileDescriptorSetMessage = Stockade__Descriptor__FileDescriptorSet
typealias FileDescriptorMessage = Stockade__Descriptor__FileDescriptor

extension Stockade__Control__V1alpha1__StatusRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__status_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__StatusResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__status_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__TierStatus: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__tier_status__init(message)
  }
}

extension Stockade__Control__V1alpha1__RuntimeStatus: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__runtime_status__init(message)
  }
}

extension Stockade__Control__V1alpha1__NodeGateStatus: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__node_gate_status__init(message)
  }
}

extension Stockade__Control__V1alpha1__ContainerCount: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__container_count__init(message)
  }
}

extension Stockade__Control__V1alpha1__Count: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__count__init(message)
  }
}

extension Stockade__Control__V1alpha1__TableFill: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__table_fill__init(message)
  }
}

extension Stockade__Control__V1alpha1__ProfilesStatus: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__profiles_status__init(message)
  }
}

extension Stockade__Control__V1alpha1__ListContainersRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__list_containers_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__ListContainersResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__list_containers_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__Container: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__container__init(message)
  }
}

extension Stockade__Control__V1alpha1__GetContainerRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__get_container_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__GetContainerResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__get_container_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__ListProfilesRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__list_profiles_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__ListProfilesResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__list_profiles_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__Profile: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__profile__init(message)
  }
}

extension Stockade__Control__V1alpha1__ExplainRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__explain_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__ExplainResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__explain_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__ExplainStep: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__explain_step__init(message)
  }
}

extension Stockade__Control__V1alpha1__ExplainRule: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__explain_rule__init(message)
  }
}

extension Stockade__Control__V1alpha1__WatchEventsRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__watch_events_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__EventFilter: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__event_filter__init(message)
  }
}

extension Stockade__Control__V1alpha1__Position: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__position__init(message)
  }
}

extension Stockade__Control__V1alpha1__WatchEventsResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__watch_events_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__Event: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__event__init(message)
  }
}

extension Stockade__Control__V1alpha1__LostEvents: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__lost_events__init(message)
  }
}

extension Stockade__Control__V1alpha1__ReloadRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__reload_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__ReloadResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__reload_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__SetAuditRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__set_audit_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__SetAuditResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__set_audit_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__Audit: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__audit__init(message)
  }
}

extension Stockade__Control__V1alpha1__RecordRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__record_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__RecordResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__record_response__init(message)
  }
}

extension Stockade__Control__V1alpha1__RecordingBegin: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__recording_begin__init(message)
  }
}

extension Stockade__Control__V1alpha1__RecordingPiece: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__recording_piece__init(message)
  }
}

extension Stockade__Control__V1alpha1__EndRecordingRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__end_recording_request__init(message)
  }
}

extension Stockade__Control__V1alpha1__EndRecordingResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__control__v1alpha1__end_recording_response__init(message)
  }
}

extension Grpc__Health__V1__HealthCheckRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__health__v1__health_check_request__init(message)
  }
}

extension Grpc__Health__V1__HealthCheckResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__health__v1__health_check_response__init(message)
  }
}

extension Grpc__Reflection__V1__ServerReflectionRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__server_reflection_request__init(message)
  }
}

extension Grpc__Reflection__V1__ServerReflectionResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__server_reflection_response__init(message)
  }
}

extension Grpc__Reflection__V1__ExtensionRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__extension_request__init(message)
  }
}

extension Grpc__Reflection__V1__FileDescriptorResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__file_descriptor_response__init(message)
  }
}

extension Grpc__Reflection__V1__ExtensionNumberResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__extension_number_response__init(message)
  }
}

extension Grpc__Reflection__V1__ListServiceResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__list_service_response__init(message)
  }
}

extension Grpc__Reflection__V1__ServiceResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__service_response__init(message)
  }
}

extension Grpc__Reflection__V1__ErrorResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__error_response__init(message)
  }
}

extension Stockade__Descriptor__FileDescriptorSet: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__descriptor__file_descriptor_set__init(message)
  }
}

extension Stockade__Descriptor__FileDescriptor: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    stockade__descriptor__file_descriptor__init(message)
  }
}
