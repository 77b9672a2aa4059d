import CStockade
import Testing

/// Swift's layout of what it shares with the kernel: the sizes that bpf/assert.c asserts for C.
struct LayoutTests {
  private static let sizes: [(name: String, swift: Int, c: Int)] = [
    ("container", MemoryLayout<stockade_container>.size, 32),
    ("volume", MemoryLayout<stockade_volume>.size, 16),
    ("volumes", MemoryLayout<stockade_volumes>.size, 4008),
    ("entrypoint", MemoryLayout<stockade_process>.size, 16),
    ("mark", MemoryLayout<stockade_mark>.size, 32),
    ("verdict", MemoryLayout<stockade_verdict>.size, 12),
    ("port_range", MemoryLayout<stockade_port_range>.size, 12),
    ("policy", MemoryLayout<stockade_policy>.size, 560),
    ("hash_keys", MemoryLayout<stockade_hash_keys>.size, 4096),
    ("path_key", MemoryLayout<stockade_path_key>.size, 16),
    ("path_rule", MemoryLayout<stockade_path_rule>.size, 48),
    ("argument_key", MemoryLayout<stockade_argument_key>.size, 16),
    ("argument", MemoryLayout<stockade_argument>.size, 136),
    ("net_key4", MemoryLayout<stockade_net_key4>.size, 16),
    ("net_key6", MemoryLayout<stockade_net_key6>.size, 28),
    ("net_node", MemoryLayout<stockade_net_node>.size, 772),
    ("event", MemoryLayout<stockade_event>.size, 128),
    ("syscall", MemoryLayout<stockade_syscall>.size, 72),
    ("object", MemoryLayout<stockade_object>.size, 8),
    ("inode", MemoryLayout<stockade_inode>.size, 16),
    ("rate", MemoryLayout<stockade_rate>.size, 16),
  ]

  @Test("Swift and C agree on the size", arguments: sizes)
  func size(_ name: String, _ swift: Int, _ c: Int) {
    #expect(swift == c)
  }

  @Test("no size has a tail that Swift would leave out of a map's value")
  func strides() {
    #expect(MemoryLayout<stockade_policy>.stride == MemoryLayout<stockade_policy>.size)
    #expect(MemoryLayout<stockade_event>.stride == MemoryLayout<stockade_event>.size)
    #expect(MemoryLayout<stockade_path_rule>.stride == MemoryLayout<stockade_path_rule>.size)
  }

  @Test("each field of a container is part of its check, and the check itself is not")
  func check() {
    var container = stockade_container(
      cgroup_id: 1, revision: 2, state: STOCKADE_OPEN.rawValue, root_device: 3, check: 0, flags: 0)
    let check = stockade_container_check(&container)
    container.check = check
    #expect(stockade_container_check(&container) == check)
    let changes: [WritableKeyPath<stockade_container, UInt64>] = [\.cgroup_id, \.revision]
    for field in changes { #expect(changed(container, field) != check) }
    let more: [WritableKeyPath<stockade_container, UInt32>] = [\.state, \.root_device]
    for field in more { #expect(changed(container, field) != check) }
  }

  private func changed<Field: FixedWidthInteger>(
    _ container: stockade_container, _ field: WritableKeyPath<stockade_container, Field>
  ) -> UInt32 {
    var copy = container
    copy[keyPath: field] += 1
    return stockade_container_check(&copy)
  }
}
