import CProtobuf
import TTRPC

// Ties each generated C struct to its init function. The descriptor is found through that function.

extension Nri__RegisterPluginRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__register_plugin_request__init(message) }
}

extension Nri__ConfigureRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__configure_request__init(message) }
}

extension Nri__ConfigureResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__configure_response__init(message) }
}

extension Nri__SynchronizeRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__synchronize_request__init(message) }
}

extension Nri__SynchronizeResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__synchronize_response__init(message) }
}

extension Nri__EventRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__event_request__init(message) }
}

extension Nri__CreateContainerResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    nri__create_container_response__init(message)
  }
}

extension Nri__StateChangeEvent: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__state_change_event__init(message) }
}

extension Nri__ValidateContainerAdjustmentRequest: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    nri__validate_container_adjustment_request__init(message)
  }
}

extension Nri__ValidateContainerAdjustmentResponse: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    nri__validate_container_adjustment_response__init(message)
  }
}

extension Nri__PodSandbox: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__pod_sandbox__init(message) }
}

extension Nri__LinuxPodSandbox: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__linux_pod_sandbox__init(message) }
}

extension Nri__Container: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__container__init(message) }
}

extension Nri__LinuxContainer: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__linux_container__init(message) }
}

extension Nri__Mount: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__mount__init(message) }
}

extension Nri__LinuxNamespace: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__linux_namespace__init(message) }
}

extension Nri__SecurityProfile: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__security_profile__init(message) }
}

extension Nri__ContainerAdjustment: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__container_adjustment__init(message) }
}

extension Nri__LinuxContainerAdjustment: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) {
    nri__linux_container_adjustment__init(message)
  }
}

extension Nri__LinuxSeccomp: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__linux_seccomp__init(message) }
}

extension Nri__LinuxSyscall: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__linux_syscall__init(message) }
}

extension Nri__LinuxSeccompArg: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__linux_seccomp_arg__init(message) }
}

extension Nri__OptionalUInt32: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__optional_uint32__init(message) }
}

extension Nri__KeyValue: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { nri__key_value__init(message) }
}
