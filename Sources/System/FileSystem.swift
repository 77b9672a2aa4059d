import CSystem
import Glibc

/// What files lie on, and ways to open them that only the kernel can keep safe.
package enum FileSystem {
  /// Whether a path lies on an overlay. statfs(2).
  package static func isOverlay(_ path: String) throws(Errno) -> Bool {
    try call("statfs \(path)") { system_is_overlay(path) } == 1
  }

  /// A device number of stat(2) as the kernel has it in `s_dev`: major << 20 | minor.
  package static func kernelDevice(_ device: dev_t) -> UInt32 { system_kernel_device(UInt64(device)) }

  /// Opens a folder's file for reading. It never opens a file outside of the folder, whatever links lead there. A FIFO
  /// does not hold the caller up. openat2(2).
  ///
  /// - Throws: EXDEV if the file lies outside.
  package static func open(_ name: String, beneath folder: FileDescriptor) throws(Errno) -> FileDescriptor {
    FileDescriptor(owning: try call("open \(name)") { system_open_beneath(folder.number, name) })
  }

  /// Opens the folder of the cgroup with this id, wherever it lies in the hierarchy. open_by_handle_at(2).
  ///
  /// - Parameter mount: any folder of the hierarchy.
  /// - Throws: ESTALE if there is no such cgroup.
  package static func openCgroup(_ id: UInt64, in mount: FileDescriptor) throws(Errno) -> FileDescriptor {
    FileDescriptor(owning: try call("open cgroup \(id)") { system_open_cgroup(mount.number, id) })
  }
}
