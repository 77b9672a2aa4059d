import CBPF
import System

/// What the kernel says of a map or a link. The kernel numbers each kind separately: two objects with the same kind and
/// number are the same. BPF_OBJ_GET_INFO_BY_FD.
struct KernelObject: Equatable, Sendable {
  /// `enum bpf_map_type` or `enum bpf_link_type`.
  let type: UInt32
  let id: UInt32

  init(map: FileDescriptor, named name: String) throws(BPFError) {
    let info = try Self.mapInfo(map, name)
    (type, id) = (info.type, info.id)
  }

  private init(_ info: bpf_link_info) { (type, id) = (info.type, info.id) }

  private static func mapInfo(_ map: FileDescriptor, _ name: String) throws(BPFError) -> bpf_map_info {
    var info = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    try bpf("inspect the map \(name)") { bpf_obj_get_info_by_fd(map.number, &info, &size) }
    return info
  }

  /// A link: which program it attaches, and to what.
  struct Link: Equatable, Sendable {
    let object: KernelObject
    let program: UInt32
    /// For links of network programs. 0: the kernel, or somebody, has detached the link.
    let cgroup: UInt64
    let attachType: UInt32

    init(_ link: FileDescriptor, named name: String) throws(BPFError) {
      var info = bpf_link_info()
      var size = UInt32(MemoryLayout<bpf_link_info>.size)
      try bpf("inspect the link \(name)") { bpf_obj_get_info_by_fd(link.number, &info, &size) }
      object = KernelObject(info)
      program = info.prog_id
      (cgroup, attachType) = (info.cgroup.cgroup_id, info.cgroup.attach_type)
    }
  }
}

/// The kernel's number of a program.
func programID(_ program: FileDescriptor, named name: String) throws(BPFError) -> UInt32 {
  try ProgramRuns(of: program, named: name).id
}
