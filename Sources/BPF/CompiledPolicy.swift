import CStockade

/// A profile as the kernel's maps hold it, for one revision. bpf/include/stockade.h says what each value means.
package struct CompiledPolicy: Sendable {
  package struct Prefix: Sendable {
    /// 4 or 16 bytes in network order.
    package var address: [UInt8]
    package var length: Int
    package var node: stockade_net_node
    package init(address: [UInt8], length: Int, node: stockade_net_node) {
      self.address = address
      self.length = length
      self.node = node
    }
  }

  /// `revision` is set by whoever installs it.
  package var policy: stockade_policy
  /// Of programs. Paths in the bytes that are hashed: a directory's with its trailing slash.
  package var paths: [(path: [UInt8], rule: stockade_path_rule)] = []
  /// Of files, likewise.
  package var files: [(path: [UInt8], rule: stockade_path_rule)] = []
  /// `revision` of the keys is set by whoever installs it.
  package var arguments: [(key: stockade_argument_key, argument: stockade_argument)] = []
  package var egress: [Prefix] = []
  package var ingress: [Prefix] = []

  package init(policy: stockade_policy) { self.policy = policy }
}
