import CStockade
import Glibc
import Policy

extension KernelEvent {
  /// nil: the record is shorter than it says, or has a kind or an effect that this version does not know.
  init?(bytes: UnsafeRawBufferPointer) {
    let size = MemoryLayout<stockade_event>.size
    guard bytes.count >= size else { return nil }
    let header = bytes.loadUnaligned(as: stockade_event.self)
    let pathEnd = size + Int(header.path_length)
    let end = pathEnd + Int(header.arguments_length)
    let hookEnd = end + Int(header.hook_length)
    guard bytes.count >= hookEnd else { return nil }
    self.init(header)
    if kind == .syscall {
      guard bytes.count >= size + MemoryLayout<stockade_syscall>.size else { return nil }
      syscall = Syscall(bytes.loadUnaligned(fromByteOffset: size, as: stockade_syscall.self))
    }
    path = Array(bytes[size..<pathEnd])
    arguments = Self.words(bytes[pathEnd..<end])
    hook = Array(bytes[end..<hookEnd])
  }

  private static func words(_ bytes: Slice<UnsafeRawBufferPointer>) -> [[UInt8]] {
    var words = bytes.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
    if words.last?.isEmpty == true { words.removeLast() }
    return words
  }

  private init?(_ header: stockade_event) {
    guard let kind = Kind.allCases.first(where: { $0.number.rawValue == header.kind }),
      let effect = Effect.allCases.first(where: { $0.number.rawValue == header.effect })
    else { return nil }
    self.init(
      cgroupID: CgroupID(header.cgroup_id), revision: header.revision == 0 ? nil : Revision(header.revision),
      kind: kind, effect: effect, reason: EventReason(header.reason),
      rule: header.rule == STOCKADE_NO_RULE ? nil : Int(header.rule), process: Process(header))
    timeNanoseconds = header.time_ns
    argument = Int(header.argument)
    let notes = UInt32(header.notes)
    isSoftened = notes & STOCKADE_SOFTENED.rawValue != 0
    isNew = notes & STOCKADE_NOT_OF_IMAGE.rawValue != 0
    isOfEntrypoint = notes & STOCKADE_OF_ENTRYPOINT.rawValue != 0
    isRecordedOnly = notes & STOCKADE_RECORDED_ONLY.rawValue != 0
    if notes & STOCKADE_RECORDED.rawValue != 0 { recordedAs = header.target_id }
    (pathIsTruncated, argumentsAreTruncated) = (header.path_truncated != 0, header.arguments_truncated != 0)
    access = [(STOCKADE_READ, Access.read), (STOCKADE_WRITE, .write)].filter { header.access & $0.0.rawValue != 0 }
      .map(\.1)
    if kind == .kernel { surface = KernelSurface.allCases.first { $0.kernelBit == header.surface } }
    if kind == .kernel, header.surface == STOCKADE_SURFACE_SOCKETS.rawValue {
      socketFamily = SocketFamily(rawValue: header.family)
    }
    if kind == .protected { protected = Protected.allCases.first { $0.number.rawValue == header.surface } }
    if kind != .kernel { peer = Peer(header) }
    target = Target(header)
  }
}

extension KernelEvent.Process {
  /// nil: no task did it.
  fileprivate init?(_ header: stockade_event) {
    guard header.pid != 0 else { return nil }
    let comm = withUnsafeBytes(of: header.comm) { Array($0.prefix { $0 != 0 }) }
    self.init(pid: header.pid, parentPID: header.parent_pid, uid: header.uid, comm: comm)
  }
}

extension KernelEvent.Peer {
  /// nil: there is no address.
  fileprivate init?(_ header: stockade_event) {
    let length: Int
    switch Int32(header.family) {
    case AF_INET: length = 4
    case AF_INET6: length = 16
    default: return nil
    }
    self.init(
      address: withUnsafeBytes(of: header.remote_address) { Array($0.prefix(length)) }, port: header.remote_port,
      localPort: header.local_port, protocolNumber: header.protocol)
  }
}

extension KernelEvent.Target {
  fileprivate init?(_ header: stockade_event) {
    guard header.target_pid != 0 else { return nil }
    self.init(pid: header.target_pid, cgroupID: header.target_id == 0 ? nil : CgroupID(header.target_id))
  }
}

extension KernelEvent.Kind {
  var number: stockade_event_kind {
    switch self {
    case .exec: STOCKADE_EVENT_EXEC
    case .connect: STOCKADE_EVENT_CONNECT
    case .sendmsg: STOCKADE_EVENT_SENDMSG
    case .bind: STOCKADE_EVENT_BIND
    case .egress: STOCKADE_EVENT_EGRESS
    case .ingress: STOCKADE_EVENT_INGRESS
    case .socket: STOCKADE_EVENT_SOCKET
    case .left: STOCKADE_EVENT_LEFT
    case .map: STOCKADE_EVENT_MAP
    case .file: STOCKADE_EVENT_FILE
    case .kernel: STOCKADE_EVENT_KERNEL
    case .trace: STOCKADE_EVENT_TRACE
    case .protected: STOCKADE_EVENT_PROTECTED
    case .syscall: STOCKADE_EVENT_SYSCALL
    }
  }
}

extension KernelEvent.Effect {
  var number: stockade_effect {
    switch self {
    case .audited: STOCKADE_AUDITED
    case .refused: STOCKADE_REFUSED
    case .killed: STOCKADE_KILLED
    case .dropped: STOCKADE_DROPPED
    }
  }
}

extension KernelEvent.Protected {
  var number: stockade_protected {
    switch self {
    case .file: STOCKADE_PROTECTED_FILE
    case .mount: STOCKADE_PROTECTED_MOUNT
    case .bpf: STOCKADE_PROTECTED_BPF
    case .process: STOCKADE_PROTECTED_PROCESS
    }
  }
}
