import CBPF
import Compilation

/// The groups of hooks that a container's network rules need.
package struct NetworkNeeds: OptionSet, Sendable, Hashable {
  /// Every packet, both ways. Any network rule needs them, because replies go in the other direction.
  package static let packets = Self(rawValue: 1)
  /// connect() and sendto(), for egress rules.
  package static let calls = Self(rawValue: 2)
  /// bind(), if ingress rules leave a port to no peer.
  package static let binds = Self(rawValue: 4)

  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package init(_ policy: CompiledPolicy) {
    self = policy.egress != nil || policy.ingress != nil ? .packets : []
    if policy.egress != nil { insert(.calls) }
    if !policy.binds.isEmpty { insert(.binds) }
  }

  var hooks: [NetworkHook] { NetworkHook.allCases.filter { contains($0.need) } }
}

/// A place of a cgroup where one of the network programs is attached. The name is its pin's.
enum NetworkHook: String, CaseIterable, Sendable {
  case egress, ingress, connect4, connect6, sendmsg4, sendmsg6, bind4, bind6

  /// The name in bpf/network.bpf.c.
  var program: String { "network_\(rawValue)" }

  var need: NetworkNeeds {
    switch self {
    case .egress, .ingress: .packets
    case .connect4, .connect6, .sendmsg4, .sendmsg6: .calls
    case .bind4, .bind6: .binds
    }
  }

  var attachType: bpf_attach_type {
    switch self {
    case .egress: BPF_CGROUP_INET_EGRESS
    case .ingress: BPF_CGROUP_INET_INGRESS
    case .connect4: BPF_CGROUP_INET4_CONNECT
    case .connect6: BPF_CGROUP_INET6_CONNECT
    case .sendmsg4: BPF_CGROUP_UDP4_SENDMSG
    case .sendmsg6: BPF_CGROUP_UDP6_SENDMSG
    case .bind4: BPF_CGROUP_INET4_BIND
    case .bind6: BPF_CGROUP_INET6_BIND
    }
  }
}
