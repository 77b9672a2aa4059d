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
    do { return FileDescriptor(owning: try call("open \(name)") { system_open_beneath(folder.number, name) }) } catch {
      throw explained(error)
    }
  }

  /// Names what may keep a process from openat2(2), which every kernel of ours has.
  private static func explained(_ error: Errno) -> Errno {
    error.code != ENOSYS
      ? error : Errno(ENOSYS, "\(error.action) with openat2, which systemd's RestrictSUIDSGID= takes away")
  }

  /// Opens the folder of the cgroup with this id, wherever it lies in the hierarchy. open_by_handle_at(2).
  ///
  /// - Parameter mount: any folder of the hierarchy.
  /// - Throws: ESTALE if there is no such cgroup.
  package static func openCgroup(_ id: UInt64, in mount: FileDescriptor) throws(Errno) -> FileDescriptor {
    FileDescriptor(owning: try call("open cgroup \(id)") { system_open_cgroup(mount.number, id) })
  }

  /// A folder as a root for `find`. It is not opened, so no process that watches it can hold the caller up.
  package static func root(_ path: String) throws(Errno) -> FileDescriptor {
    FileDescriptor(owning: try call("find folder \(path)") { system_point_at_folder(path) })
  }

  /// Where a path leads for a process that has this root. The file itself is not opened. openat2(2) with O_PATH.
  ///
  /// - Parameters:
  ///   - withLinks: whether links are followed, within the root.
  ///   - cached: whether no file system is asked, which could be one that never answers. EAGAIN: it would have to be.
  ///   - oneMount: whether the path may not leave the mount of the root. EXDEV: it would.
  /// - Returns: nil: the path leads nowhere, or through a link that is not followed.
  package static func find(
    _ path: String, in root: FileDescriptor, withLinks: Bool, cached: Bool = false, oneMount: Bool = false
  ) throws(Errno) -> FileDescriptor? {
    for _ in 0..<findAttempts {
      let number = system_open_in_root(root.number, path, withLinks ? 1 : 0, cached ? 1 : 0, oneMount ? 1 : 0)
      if number >= 0 { return FileDescriptor(owning: number) }
      if [ENOENT, ENOTDIR, ELOOP, EACCES].contains(errno) { return nil }
      if errno != EAGAIN || cached { break }
    }
    throw explained(Errno(errno, "find \(path) in a container"))
  }

  package enum Child {
    case found(FileDescriptor)
    case link
    /// There is no such file, or it is on another mount.
    case none
  }

  /// What a name of a folder leads to. The file itself is not opened. openat2(2) with O_PATH.
  ///
  /// - Parameter links: whether a link is found itself.
  package static func child(
    _ name: String, of folder: FileDescriptor, links: Bool = false
  ) throws(Errno) -> Child {
    let number = system_open_child(folder.number, name, links ? 1 : 0)
    if number >= 0 { return .found(FileDescriptor(owning: number)) }
    if errno == ELOOP { return .link }
    if [ENOENT, ENOTDIR, EXDEV, EACCES, ENAMETOOLONG].contains(errno) { return .none }
    throw explained(Errno(errno, "find \(name) in a folder of a container"))
  }

  /// What a link in a folder says. readlinkat(2).
  ///
  /// - Returns: nil: there is no link of that name.
  package static func linkText(_ name: String, in folder: FileDescriptor) throws(Errno) -> [UInt8]? {
    let found: Result<[UInt8]?, Errno> = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) {
      buffer in
      let count = readlinkat(folder.number, name, buffer.baseAddress!, buffer.count)
      if count >= 0 { return .success(buffer[..<count].map { UInt8(bitPattern: $0) }) }
      // Most names are no links, and for them no message is made.
      if [EINVAL, ENOENT, ENOTDIR, EACCES, ENAMETOOLONG].contains(errno) { return .success(nil) }
      return .failure(Errno(errno, "read the link \(name) of a container"))
    }
    return try found.get()
  }

  /// Where the path has `..`, any rename or mount on the node meanwhile ends the search with EAGAIN.
  private static let findAttempts = 100

  /// Whether names in a folder are found whatever their case. ioctl_iflags(2).
  package static func foldsCase(_ folder: FileDescriptor) -> Bool { system_folds_case(folder.number) != 0 }

  /// In which mount the file lies, by the id of mountinfo, and whether it is the device `/dev/null`. statx(2).
  package static func mounted(_ file: FileDescriptor) throws(Errno) -> (mountID: UInt64, isNull: Bool) {
    var found = system_mounted_facts()
    try call("statx a mount") { system_mounted(file.number, &found) }
    return (found.mount_id, found.is_null != 0)
  }
}
