import CBPF
import Compilation
import Glibc
import Policy
import PolicyTesting
import Testing

@testable import BPF

/// What the kernel hooks take a call for, and what they say of it, against what the profile means.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct KernelOracleTests {
  @Test("a part of the kernel is refused or audited as the profile says", arguments: 0..<20 as Range<UInt64>)
  func effects(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let program = try KernelProgram()
    var profile = Profile(name: "random", file: "random.yaml")
    profile.kernelBlock = KernelSurface.allCases.filter { _ in Bool.random(using: &random) }
    profile.otherContainers = [nil, .allow, .audit, .block].randomElement(using: &random)!
    profile.mode = Bool.random(using: &random) ? .enforce : .audit
    try program.apply(profile)
    for surface in KernelSurface.allCases {
      #expect(try program.judge([surface]).action == profile.action(on: surface), "\(surface) under \(profile)")
      let softened = try program.judge([surface], inAudit: true)
      #expect(softened.action == min(profile.action(on: surface), .audit), "\(surface) in an audit under \(profile)")
      for other in KernelSurface.allCases {
        let (action, deciding) = try program.judge([surface, other])
        #expect(action == max(profile.action(on: surface), profile.action(on: other)))
        #expect(
          deciding
            == KernelSurface.allCases.first { [surface, other].contains($0) && profile.kernelBlock.contains($0) })
      }
    }
    for inAudit in [false, true] {
      #expect(try program.judge([], inAudit: inAudit).action == profile.actionOnOthers, "others under \(profile)")
    }
  }

  @Test("a socket's family is refused or audited unless the profile lists it", arguments: 0..<20 as Range<UInt64>)
  func families(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let program = try KernelProgram()
    var profile = Profile(name: "random", file: "random.yaml")
    let families = SocketFamily.allCases.filter { _ in Bool.random(using: &random) }
    profile.socketFamilies = seed == 0 ? nil : seed == 1 ? [] : Set(families)
    profile.mode = Bool.random(using: &random) ? .enforce : .audit
    // Its longest path is in the same word as the families.
    if Bool.random(using: &random) {
      profile.fileAccess = FileSection()
      profile.fileAccess!.rules = [.directory("/" + String(repeating: "a", count: 510), .block)]
    }
    try program.apply(profile)
    for number in 1...70 as ClosedRange<UInt32> {
      let family = UInt8(exactly: number).flatMap(SocketFamily.init)
      let isListed = profile.socketFamilies.map { families in family.map(families.contains) ?? false } ?? true
      #expect(try program.judge(family: number) == profile.softened(isListed ? .allow : .block), "family \(number)")
    }
  }

  @Test("SMC is a family also where it is a protocol, and the kernel's own sockets are nobody's")
  func familyOfSocket() throws {
    let program = try KernelProgram()
    for family in 1...46 as ClosedRange<UInt64> {
      for number in [0, 6, 255, 256, 257, 262] as [UInt64] {
        let isSMC = number == 256 && (family == UInt64(AF_INET) || family == UInt64(AF_INET6))
        let expected = isSMC ? UInt32(SocketFamily.smc.rawValue) : UInt32(family)
        #expect(try program.family(of: family, protocolNumber: number, ofKernel: false) == expected)
        #expect(try program.family(of: family, protocolNumber: number, ofKernel: true) == 0)
      }
    }
  }

  @Test("of all capabilities, only the one to load modules is asked about")
  func capabilities() throws {
    let program = try KernelProgram()
    for capability in 0...63 as ClosedRange<UInt64> {
      #expect(try program.surface("surface_capability", [capability]) == (capability == 16 ? .moduleLoad : nil))
    }
  }

  @Test("only sockets that read or write whole packets are packet sockets")
  func sockets() throws {
    let program = try KernelProgram()
    let raw = UInt64(SOCK_RAW.rawValue)
    for family in 0...46 as ClosedRange<UInt64> {
      for type in 0...10 as ClosedRange<UInt64> {
        let isInternet = family == UInt64(AF_INET) || family == UInt64(AF_INET6)
        // 44: AF_XDP.
        let isPacket = isInternet && type == raw || family == UInt64(AF_PACKET) || family == 44
        let context: Comment = "family \(family), type \(type)"
        #expect(try program.surface("surface_socket", [family, type, 0]) == (isPacket ? .packetSockets : nil), context)
        #expect(try program.surface("surface_socket", [family, type, 1]) == nil, context)
      }
    }
  }

  @Test(
    "what is read or loaded to become a part of the kernel is a module",
    arguments: [("surface_read", "kernel_read_file_id"), ("surface_load", "kernel_load_data_id")])
  func modules(_ name: String, _ enumeration: String) throws {
    let program = try KernelProgram()
    let values = try #require(KernelEnumeration.values(of: enumeration))
    #expect(values.count > 4)
    for (value, number) in values {
      let isCode = value.contains("_MODULE") || value.contains("_KEXEC_")
      #expect(try program.surface(name, [number]) == (isCode ? .moduleLoad : nil), "\(value)")
    }
    #expect(try program.surface(name, [values.map(\.number).max()! + 1]) == nil)
  }

  @Test("a mount is a mount unless the kernel makes it for itself")
  func mounts() throws {
    let program = try KernelProgram()
    for bit in 0..<32 as Range<UInt64> {
      // SB_KERNMOUNT and SB_SUBMOUNT of include/linux/fs.h.
      let isKernels = bit == 22 || bit == 26
      #expect(try program.surface("surface_mount", [1 << bit]) == (isKernels ? nil : .mount), "bit \(bit)")
      #expect(try program.surface("surface_mount", [1 << bit | 1 << 22]) == nil, "bit \(bit)")
    }
    #expect(try program.surface("surface_mount", [0]) == .mount)
  }

  @Test(
    "a ring is known by its whole name, and so is what fills pages",
    arguments: [
      ("[io_uring]", .ioUring), ("[io_uring", nil), ("[io_uring]x", nil), ("[io_urinG]", nil), ("[eventfd]", nil),
      ("", nil), ("x[io_uring", nil), ("[userfaultfd]", .executableMemory), ("[userfaultfd", nil),
      ("[userfaultfD]", nil), ("[userfaultfd]x", nil),
    ] as [(String, KernelSurface?)])
  func rings(_ name: String, _ surface: KernelSurface?) throws {
    var text = [UInt8](name.utf8) + [UInt8](repeating: 0, count: 16 - name.utf8.count)
    let words = text.withUnsafeMutableBytes { bytes in
      [0, 8].map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
    }
    let answer = try KernelProgram().surface("surface_anonymous", words + [UInt64(name.utf8.count)])
    #expect(answer == surface)
  }

  @Test("to read what another process shows is not to trace it, and who traces can write code")
  func traces() throws {
    let program = try KernelProgram()
    for mode in 0..<64 as Range<UInt64> {
      // PTRACE_MODE_ATTACH of include/linux/ptrace.h.
      let expected: [KernelSurface] = mode & 2 != 0 ? [.ptrace, .executableMemory] : []
      #expect(try program.surfaces("surface_trace", [mode]) == expected, "mode \(mode)")
    }
  }

  @Test("code is executable memory unless a file holds it and nobody can write it")
  func memory() throws {
    let program = try KernelProgram()
    for protection in 0..<8 as Range<UInt64> {
      let isWritable = protection & UInt64(PROT_WRITE) != 0, isExecutable = protection & UInt64(PROT_EXEC) != 0
      let ofFile = try program.surface("surface_code", [protection, 1])
      #expect(ofFile == (isWritable ? .executableMemory : nil), "protection \(protection)")
      #expect(try program.surface("surface_code", [protection, 0]) == .executableMemory, "protection \(protection)")
      // 4: VM_EXEC.
      #expect(try program.isCodeChange(flags: 0, protection: protection) == isExecutable)
      #expect(try program.isCodeChange(flags: 4, protection: protection) == (isExecutable && isWritable))
    }
  }
}

extension Profile {
  fileprivate func softened(_ action: Action) -> Action { mode == .audit ? min(action, .audit) : action }

  fileprivate func action(on surface: KernelSurface) -> Action {
    softened(kernelBlock.contains(surface) ? .block : .allow)
  }

  fileprivate var actionOnOthers: Action { softened(otherContainers ?? .block) }
}

/// An enumeration of the running kernel's.
private enum KernelEnumeration {
  /// nil: the kernel does not tell.
  static func values(of name: String) -> [(value: String, number: UInt64)]? {
    guard let kernel = btf__load_vmlinux_btf() else { return nil }
    defer { btf__free(kernel) }
    let id = btf__find_by_name_kind(kernel, name, UInt32(BTF_KIND_ENUM))
    guard id > 0, let type = btf__type_by_id(kernel, UInt32(id)) else { return nil }
    // The values lie behind the type.
    let values = UnsafeRawPointer(type + 1).assumingMemoryBound(to: btf_enum.self)
    return (0..<Int(btf_vlen(type))).map {
      (String(cString: btf__name_by_offset(kernel, values[$0].name_off)), UInt64(values[$0].val))
    }
  }
}
