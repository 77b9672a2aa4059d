import CProtobuf
import TTRPC

// The values that messages carry, between protobuf-c's structs and Swift. Only this file and Calls.swift touch the
// structs' fields. Calls.swift does so for the requests and answers themselves.

extension PodSandbox {
  init(_ message: Nri__PodSandbox) {
    id = text(message.id)
    name = text(message.name)
    uid = text(message.uid)
    namespace = text(message.namespace_)
    labels = map(message.n_labels, message.labels)
    annotations = map(message.n_annotations, message.annotations)
    runtimeHandler = text(message.runtime_handler)
    cgroupParent = text(message.linux?.pointee.cgroup_parent)
    pid = message.pid
  }

  func write(to message: inout Nri__PodSandbox, _ arena: Arena) {
    message.id = arena.string(id)
    message.name = arena.string(name)
    message.uid = arena.string(uid)
    message.namespace_ = arena.string(namespace)
    (message.n_labels, message.labels) = arena.map(labels)
    (message.n_annotations, message.annotations) = arena.map(annotations)
    message.runtime_handler = arena.string(runtimeHandler)
    message.linux = arena.message { $0.cgroup_parent = arena.string(cgroupParent) }
    message.pid = pid
  }
}

extension Container {
  init(_ message: Nri__Container) {
    id = text(message.id)
    podSandboxID = text(message.pod_sandbox_id)
    name = text(message.name)
    state = message.state
    labels = map(message.n_labels, message.labels)
    annotations = map(message.n_annotations, message.annotations)
    arguments = elements(message.n_args, message.args).map { text($0) }
    environment = elements(message.n_env, message.env).map { text($0) }
    mounts = elements(message.n_mounts, message.mounts).map { Mount($0.pointee) }
    pid = message.pid
    guard let linux = message.linux?.pointee else { return }
    hasLinux = true
    let pairs = elements(linux.n_namespaces, linux.namespaces).map { (text($0.pointee.type), text($0.pointee.path)) }
    namespaces = Dictionary(pairs) { _, last in last }
    cgroupsPath = text(linux.cgroups_path)
    seccompProfile = (linux.seccomp_profile?.pointee).map(SecurityProfile.init)
    seccompPolicy = (linux.seccomp_policy?.pointee).map(LinuxSeccomp.init)
  }

  func write(to message: inout Nri__Container, _ arena: Arena) {
    message.id = arena.string(id)
    message.pod_sandbox_id = arena.string(podSandboxID)
    message.name = arena.string(name)
    message.state = state
    (message.n_labels, message.labels) = arena.map(labels)
    (message.n_annotations, message.annotations) = arena.map(annotations)
    (message.n_args, message.args) = arena.strings(arguments)
    (message.n_env, message.env) = arena.strings(environment)
    (message.n_mounts, message.mounts) = arena.array(mounts) { mount in arena.message { mount.write(to: &$0, arena) } }
    message.pid = pid
    if hasLinux { message.linux = arena.message { writeLinux(to: &$0, arena) } }
  }

  private func writeLinux(to message: inout Nri__LinuxContainer, _ arena: Arena) {
    (message.n_namespaces, message.namespaces) = arena.array(namespaces.sorted { $0.key < $1.key }) { namespace in
      arena.message {
        $0.type = arena.string(namespace.key)
        $0.path = arena.string(namespace.value)
      }
    }
    message.cgroups_path = arena.string(cgroupsPath)
    message.seccomp_profile = seccompProfile.map { profile in arena.message { profile.write(to: &$0, arena) } }
    message.seccomp_policy = seccompPolicy.map { policy in arena.message { policy.write(to: &$0, arena) } }
  }
}

extension SecurityProfile {
  fileprivate init(_ message: Nri__SecurityProfile) {
    kind = message.profile_type
    localhostReference = text(message.localhost_ref)
  }

  fileprivate func write(to message: inout Nri__SecurityProfile, _ arena: Arena) {
    message.profile_type = kind
    message.localhost_ref = arena.string(localhostReference)
  }
}

extension Mount {
  fileprivate init(_ message: Nri__Mount) {
    destination = text(message.destination)
    type = text(message.type)
    source = text(message.source)
    options = elements(message.n_options, message.options).map { text($0) }
  }

  fileprivate func write(to message: inout Nri__Mount, _ arena: Arena) {
    message.destination = arena.string(destination)
    message.type = arena.string(type)
    message.source = arena.string(source)
    (message.n_options, message.options) = arena.strings(options)
  }
}

extension LinuxSeccomp {
  init(_ message: Nri__LinuxSeccomp) {
    defaultAction = text(message.default_action)
    defaultErrno = message.default_errno?.pointee.value
    architectures = elements(message.n_architectures, message.architectures).map { text($0) }
    flags = elements(message.n_flags, message.flags).map { text($0) }
    listenerPath = text(message.listener_path)
    listenerMetadata = text(message.listener_metadata)
    syscalls = elements(message.n_syscalls, message.syscalls).map { LinuxSyscall($0.pointee) }
  }

  func write(to message: inout Nri__LinuxSeccomp, _ arena: Arena) {
    message.default_action = arena.string(defaultAction)
    message.default_errno = arena.optional(defaultErrno)
    (message.n_architectures, message.architectures) = arena.strings(architectures)
    (message.n_flags, message.flags) = arena.strings(flags)
    message.listener_path = arena.string(listenerPath)
    message.listener_metadata = arena.string(listenerMetadata)
    (message.n_syscalls, message.syscalls) = arena.array(syscalls) { syscall in
      arena.message { syscall.write(to: &$0, arena) }
    }
  }
}

extension LinuxSyscall {
  fileprivate init(_ message: Nri__LinuxSyscall) {
    names = elements(message.n_names, message.names).map { text($0) }
    action = text(message.action)
    errnoReturn = message.errno_ret?.pointee.value
    arguments = elements(message.n_args, message.args).map { LinuxSeccompArgument($0.pointee) }
  }

  fileprivate func write(to message: inout Nri__LinuxSyscall, _ arena: Arena) {
    (message.n_names, message.names) = arena.strings(names)
    message.action = arena.string(action)
    message.errno_ret = arena.optional(errnoReturn)
    (message.n_args, message.args) = arena.array(arguments) { argument in
      arena.message { argument.write(to: &$0, arena) }
    }
  }
}

extension LinuxSeccompArgument {
  fileprivate init(_ message: Nri__LinuxSeccompArg) {
    index = message.index
    value = message.value
    valueTwo = message.value_two
    op = text(message.op)
  }

  fileprivate func write(to message: inout Nri__LinuxSeccompArg, _ arena: Arena) {
    message.index = index
    message.value = value
    message.value_two = valueTwo
    message.op = arena.string(op)
  }
}

/// If keys are equal, the last one wins, as in Go.
private func map(_ count: Int, _ entries: Arena.Pointers<Nri__KeyValue>?) -> [String: String] {
  Dictionary(elements(count, entries).map { (text($0.pointee.key), text($0.pointee.value)) }) { _, last in last }
}

extension Arena {
  fileprivate func map(_ values: [String: String]) -> (Int, Pointers<Nri__KeyValue>?) {
    array(values.sorted { $0.key < $1.key }) { pair in
      message {
        $0.key = string(pair.key)
        $0.value = string(pair.value)
      }
    }
  }

  fileprivate func strings(_ values: [String]) -> (Int, Pointers<CChar>?) { array(values) { string($0) } }

  fileprivate func optional(_ value: UInt32?) -> UnsafeMutablePointer<Nri__OptionalUInt32>? {
    value.map { value in message { $0.value = value } }
  }
}
