import CBPF
import CStockade
import Glibc
import System

/// A mount of a container, by which its files get their paths.
package struct Volume: Sendable {
  /// The limits of one container.
  package static let maximumCount = Int(STOCKADE_VOLUMES_MAX)
  /// The paths of one file. A file that has more has none.
  package static let pathsMaximum = Int(STOCKADE_FILE_PATHS_MAX)
  package static let mountPointMaximumBytes = Int(STOCKADE_MOUNT_POINT_MAX_BYTES)
  package static let mountPointsMaximumBytes = Int(STOCKADE_MOUNT_POINTS_BYTES)

  /// The file or folder that is mounted. Only where it is counts, so O_PATH is enough.
  package var root: FileDescriptor
  /// Absolute, as the container sees it; empty for the container's root.
  package var mountPoint: String
  /// Whether the kubelet writes the volume, in folders that a time names.
  package var isAtomic: Bool

  package init(root: FileDescriptor, mountPoint: String, isAtomic: Bool = false) {
    (self.root, self.mountPoint, self.isAtomic) = (root, mountPoint, isAtomic)
  }
}

/// The maps `volumes` and `volumes_staged`. The kernel knows a mount's root by its address, which only a program can
/// find out: this process opens the root, and the program looks at the descriptor.
struct VolumeTable: Sendable {
  /// The map in which a container's volumes wait for the program. It is no other object's.
  static let stage = "volumes_staged"

  private let volumes: MapAccess<CgroupID, stockade_volumes>
  private let staged: MapAccess<UInt32, stockade_volumes>
  private let program: FileDescriptor

  init(_ volumes: FileDescriptor, mark: BPFObject) throws(BPFError) {
    self.volumes = MapAccess(name: "volumes", descriptor: volumes)
    staged = MapAccess(name: Self.stage, descriptor: try mark.map(Self.stage))
    program = try mark.program("note_volumes")
  }

  /// Not for two threads at once. The caller keeps within the limits of `Volume`.
  func set(_ cgroupID: CgroupID, _ found: [Volume]) throws(BPFError) {
    try staged.set(0, Self.row(found))
    if try runOnDemand(program, [cgroupID.number], "run the program that notes a container's mounts") != 0 {
      throw .system(Errno(ENOMEM, "write the map volumes (it is full, or there is no memory)"))
    }
  }

  func cgroups() throws(BPFError) -> [CgroupID] { try volumes.keys(zero: CgroupID(0)) }

  func remove(_ cgroupID: CgroupID) throws(BPFError) { try volumes.remove(cgroupID) }

  static func row(_ found: [Volume]) -> stockade_volumes {
    var row = stockade_volumes()
    row.count = UInt32(found.count)
    var start = 0
    for (index, volume) in found.enumerated() {
      let point = Array(volume.mountPoint.utf8)
      let entry = stockade_volume(
        root: UInt64(volume.root.number), start: UInt16(start), length: UInt16(point.count),
        last_slash: UInt16(point.lastIndex(of: UInt8(ascii: "/")) ?? 0),
        flags: volume.isAtomic ? UInt16(STOCKADE_VOLUME_IS_ATOMIC.rawValue) : 0)
      withUnsafeMutableBytes(of: &row.volume) {
        $0.bindMemory(to: stockade_volume.self)[index] = entry
      }
      withUnsafeMutableBytes(of: &row.mount_points) {
        UnsafeMutableRawBufferPointer(rebasing: $0[start..<start + point.count]).copyBytes(from: point)
      }
      start += point.count
    }
    return row
  }
}
