import BPF
import CStockade
import Policy

extension CompiledPolicy {
  /// Adds the kernel section, and what other containers may not do.
  mutating func addKernel(of profile: Profile) {
    let surfaces = profile.kernelBlock.reduce(0) { $0 | $1.kernelBit }
    if profile.mode == .audit { policy.kernel_audited = surfaces } else { policy.kernel_blocked = surfaces }
    switch profile.effectOnOtherContainers {
    case .allow: policy.flags |= UInt32(STOCKADE_OTHER_CONTAINERS.rawValue)
    case .audit: policy.flags |= UInt32(STOCKADE_AUDIT_OTHER_CONTAINERS.rawValue)
    case .block: break
    }
  }
}

extension KernelSurface {
  /// `enum stockade_surface`.
  package var kernelBit: UInt32 {
    switch self {
    case .mount: STOCKADE_SURFACE_MOUNT.rawValue
    case .ptrace: STOCKADE_SURFACE_PTRACE.rawValue
    case .userNamespaces: STOCKADE_SURFACE_USER_NAMESPACES.rawValue
    case .bpf: STOCKADE_SURFACE_BPF.rawValue
    case .ioUring: STOCKADE_SURFACE_IO_URING.rawValue
    case .packetSockets: STOCKADE_SURFACE_PACKET_SOCKETS.rawValue
    case .moduleLoad: STOCKADE_SURFACE_MODULE_LOAD.rawValue
    case .keyrings: STOCKADE_SURFACE_KEYRINGS.rawValue
    case .perfEvents: STOCKADE_SURFACE_PERF_EVENTS.rawValue
    case .executableMemory: STOCKADE_SURFACE_EXECUTABLE_MEMORY.rawValue
    }
  }
}
