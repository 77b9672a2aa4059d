import CBPF
import Testing

@testable import BPF

/// Which layouts of pins are taken over.
struct FormerLayoutTests {
  /// The maps that commit 18a9bf5 pins, the first layout that is taken over: type, bytes of key and value, elements. It
  /// is on nodes, and stays as it is.
  private static let first: [(name: String, shape: MapShape)] = [
    ("arguments", MapShape(type: BPF_MAP_TYPE_HASH, key: 16, value: 136, elements: 65536)),
    ("connections", MapShape(type: BPF_MAP_TYPE_SK_STORAGE, key: 4, value: 40, elements: 0)),
    ("containers", MapShape(type: BPF_MAP_TYPE_HASH, key: 8, value: 32, elements: 16384)),
    ("counters", MapShape(type: BPF_MAP_TYPE_PERCPU_ARRAY, key: 4, value: 8, elements: 6)),
    ("daemon", MapShape(type: BPF_MAP_TYPE_ARRAY, key: 4, value: 16, elements: 1)),
    ("egress4", MapShape(type: BPF_MAP_TYPE_LPM_TRIE, key: 16, value: 772, elements: 65536)),
    ("egress6", MapShape(type: BPF_MAP_TYPE_LPM_TRIE, key: 28, value: 772, elements: 65536)),
    ("entrypoints", MapShape(type: BPF_MAP_TYPE_HASH, key: 8, value: 16, elements: 16384)),
    ("events", MapShape(type: BPF_MAP_TYPE_RINGBUF, key: 0, value: 0, elements: 1_048_576)),
    ("flows", MapShape(type: BPF_MAP_TYPE_LRU_HASH, key: 32, value: 24, elements: 65536)),
    ("ingress4", MapShape(type: BPF_MAP_TYPE_LPM_TRIE, key: 16, value: 772, elements: 65536)),
    ("ingress6", MapShape(type: BPF_MAP_TYPE_LPM_TRIE, key: 28, value: 772, elements: 65536)),
    ("marks", MapShape(type: BPF_MAP_TYPE_TASK_STORAGE, key: 4, value: 32, elements: 0)),
    ("network_container", MapShape(type: BPF_MAP_TYPE_CGROUP_STORAGE, key: 8, value: 8, elements: 0)),
    ("own_objects", MapShape(type: BPF_MAP_TYPE_HASH, key: 8, value: 4, elements: 1024)),
    ("path_hash_keys", MapShape(type: BPF_MAP_TYPE_ARRAY, key: 4, value: 4096, elements: 1)),
    ("path_rules", MapShape(type: BPF_MAP_TYPE_HASH, key: 16, value: 48, elements: 262144)),
    ("policies", MapShape(type: BPF_MAP_TYPE_HASH, key: 8, value: 560, elements: 4096)),
    ("protected_devices", MapShape(type: BPF_MAP_TYPE_HASH, key: 4, value: 4, elements: 64)),
    ("protected_inodes", MapShape(type: BPF_MAP_TYPE_HASH, key: 16, value: 4, elements: 256)),
    ("rate", MapShape(type: BPF_MAP_TYPE_LRU_HASH, key: 8, value: 16, elements: 4096)),
    ("strays", MapShape(type: BPF_MAP_TYPE_HASH, key: 4, value: 8, elements: 8192)),
  ]

  @Test("each map of the first layout has the shape of today, or one that is taken over", arguments: first)
  func takenOver(_ name: String, _ then: MapShape) throws {
    let now = try #require(try FormerPins.currentShapes()[name])
    #expect(now == then || FormerPins.shapes[name] == then)
  }

  @Test("no shape that is taken over is today's, nor unknown to the first layout")
  func former() throws {
    let now = try FormerPins.currentShapes()
    for (name, shape) in FormerPins.shapes {
      #expect(now[name] != shape)
      #expect(Self.first.contains { $0.name == name && $0.shape == shape })
    }
  }

  /// Of a layout with a number: it is raised with every change of these.
  @Test("the shapes of layout 2 are these")
  func layout() throws {
    #expect(FormerPins.layout == 2)
    let now = try FormerPins.currentShapes()
    let changed: [String: MapShape] = [
      "strays": MapShape(type: BPF_MAP_TYPE_HASH, key: 4, value: 16, elements: 32768),
      "stray_counts": MapShape(type: BPF_MAP_TYPE_HASH, key: 8, value: 4, elements: 16384),
      "flows": MapShape(type: BPF_MAP_TYPE_HASH_OF_MAPS, key: 8, value: 4, elements: 16384),
      "counters": MapShape(type: BPF_MAP_TYPE_PERCPU_ARRAY, key: 4, value: 8, elements: 7),
      "gates": MapShape(type: BPF_MAP_TYPE_HASH, key: 8, value: 16, elements: 16384),
      "sandboxes": MapShape(type: BPF_MAP_TYPE_HASH, key: 8, value: 32, elements: 16384),
    ]
    for (name, shape) in changed { #expect(now[name] == shape) }
    for (name, shape) in Self.first where changed[name] == nil { #expect(now[name] == shape) }
  }
}
