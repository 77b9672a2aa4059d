import BPF
import CStockade
import Compilation
import Policy
import PolicyTesting
import Testing

/// A compiled policy in the structs of the kernel's maps.
struct PolicyEncodingTests {
  private func encoded(_ change: (inout Profile) -> Void) throws -> stockade_policy {
    var profile = Profile(name: "test", file: "test.yaml")
    change(&profile)
    return stockade_policy(try PolicyCompiler.compile(profile), revision: Revision(7))
  }

  private func lengths<Words>(_ words: Words) -> [Int] {
    withUnsafeBytes(of: words) {
      let words = $0.bindMemory(to: UInt64.self)
      return (0..<words.count * 64).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
    }
  }

  @Test("nothing has no flags")
  func nothing() throws {
    let policy = try encoded { _ in }
    #expect(policy.revision == 7 && policy.flags == 0)
    #expect(stockade_policy(CompiledPolicy(), revision: Revision(1)).flags == 0)
  }

  @Test("the process section has its flags, defaults and lengths")
  func process() throws {
    let longest = "/" + String(repeating: "a", count: 510)
    let policy = try encoded {
      $0.process = .section(
        .block, .directory("/", .allow), .directory(longest, .allow), .path("/a", .block), new: .audit,
        fileless: .allow, allowEntrypoint: true)
    }
    #expect(policy.flags == STOCKADE_HAS_PROCESS.rawValue | STOCKADE_ALLOW_ENTRYPOINT.rawValue)
    #expect(policy.process_default == Action.block.rawValue && policy.new_executables == Action.audit.rawValue)
    #expect(policy.fileless == Action.allow.rawValue && policy.over_long == Action.block.rawValue)
    #expect(lengths(policy.directory_lengths) == [1, 512] && lengths(policy.file_directory_lengths).isEmpty)
  }

  @Test("the file section has its own")
  func file() throws {
    let policy = try encoded {
      $0.fileAccess = FileSection()
      $0.fileAccess!.rules = [.directory("/usr", .audit), .path("/etc/x", .allow)]
    }
    #expect(policy.flags == STOCKADE_HAS_FILE.rawValue)
    #expect(policy.file_default == Action.allow.rawValue && policy.file_strictest == Action.audit.rawValue)
    #expect(lengths(policy.file_directory_lengths) == [5] && lengths(policy.directory_lengths).isEmpty)
  }

  @Test("the network sections have their flags, defaults and bind ranges")
  func network() throws {
    let policy = try encoded {
      $0.network.egress = .section(.block)
      $0.network.ingress = .section(.audit, .rule(.block, nil, tcp: 80...81))
    }
    #expect(policy.flags == STOCKADE_HAS_EGRESS.rawValue | STOCKADE_HAS_INGRESS.rawValue | STOCKADE_HAS_BIND.rawValue)
    #expect(policy.egress_default == Action.block.rawValue && policy.egress_strictest == Action.block.rawValue)
    #expect(policy.ingress_default == Action.audit.rawValue && policy.ingress_strictest == Action.block.rawValue)
    // Below 80, 80 to 81, above them; and the whole of UDP.
    #expect(policy.bind_range_count == 4)
    let second = withUnsafeBytes(of: policy.bind_ranges) { $0.bindMemory(to: stockade_port_range.self)[1] }
    #expect(second.protocol == 6 && second.action == Action.block.rawValue && second.rule == 0)
    #expect(second.first == 80 && second.last == 81)
  }

  @Test("each group of hooks is needed for its rules only")
  func needs() throws {
    func needs(egress: NetworkDirection? = nil, ingress: NetworkDirection? = nil) throws -> NetworkNeeds {
      var profile = Profile(name: "test", file: "test.yaml")
      (profile.network.egress, profile.network.ingress) = (egress, ingress)
      return NetworkNeeds(try PolicyCompiler.compile(profile))
    }
    #expect(try needs().isEmpty && needs(egress: .section(.allow)).isEmpty)
    #expect(try needs(egress: .section(.block)) == [.packets, .calls])
    #expect(try needs(ingress: .section(.block)) == [.packets, .binds])
    #expect(try needs(ingress: .section(.block, .rule(.allow, "::/0"))) == .packets)
  }

  @Test("each word of kernel.block has a bit of its own", arguments: KernelSurface.allCases)
  func bits(surface: KernelSurface) throws {
    #expect(surface.kernelBit.nonzeroBitCount == 1)
    #expect(KernelSurface.allCases.filter { $0.kernelBit == surface.kernelBit } == [surface])
    let policy = try encoded { $0.kernelBlock = [surface] }
    #expect(policy.kernel_blocked == surface.kernelBit && policy.kernel_audited == 0)
    let audited = try encoded { ($0.kernelBlock, $0.mode) = ([surface], .audit) }
    #expect(audited.kernel_blocked == 0 && audited.kernel_audited == surface.kernelBit)
  }

  @Test("the families share a word with the longest path of a file rule, and have a bit of their own each")
  func families() throws {
    func word(_ policy: stockade_policy) -> UInt64 { policy.file_directory_lengths.8 }
    let longest = "/" + String(repeating: "a", count: 510)
    var policy = try encoded {
      $0.fileAccess = FileSection()
      $0.fileAccess!.rules = [.directory(longest, .audit)]
      $0.socketFamilies = [.unix, .mctp]
    }
    #expect(word(policy) == 1 | 1 << 1 | 1 << 45)
    #expect(policy.kernel_blocked == STOCKADE_SURFACE_SOCKETS.rawValue && policy.kernel_audited == 0)
    policy = try encoded { ($0.socketFamilies, $0.mode) = ([], .audit) }
    #expect(word(policy) == 0)
    #expect(policy.kernel_blocked == 0 && policy.kernel_audited == STOCKADE_SURFACE_SOCKETS.rawValue)
    policy = try encoded { $0.socketFamilies = Set(SocketFamily.allCases) }
    #expect(word(policy).nonzeroBitCount == SocketFamily.allCases.count)
    #expect(SocketFamily.allCases.allSatisfy { $0.rawValue <= STOCKADE_FAMILIES_MAX })
  }

  @Test(
    "what other containers may do is a flag",
    arguments: [
      (.block, 0), (.audit, STOCKADE_AUDIT_OTHER_CONTAINERS.rawValue), (.allow, STOCKADE_OTHER_CONTAINERS.rawValue),
    ] as [(Action, UInt32)])
  func others(_ action: Action, _ flags: UInt32) throws {
    #expect(try encoded { $0.otherContainers = action }.flags == flags)
  }

  @Test("an argument rule has its kind, place and text, up to the longest")
  func argument() throws {
    let prefix = stockade_argument(ArgumentRule(kind: .prefix, text: "bc", index: 3, action: .audit))
    #expect(prefix.kind == STOCKADE_PREFIX.rawValue && prefix.action == Action.audit.rawValue && prefix.index == 3)
    #expect(prefix.length == 2 && prefix.text.0 == UInt8(ascii: "b") && prefix.text.2 == 0)
    let text = String(repeating: "t", count: 128)
    let longest = stockade_argument(ArgumentRule(kind: .contains, text: text, index: nil, action: .block))
    #expect(longest.kind == STOCKADE_CONTAINS.rawValue && longest.index == STOCKADE_NO_RULE)
    #expect(longest.length == 128 && longest.text.127 == UInt8(ascii: "t"))
  }
}
