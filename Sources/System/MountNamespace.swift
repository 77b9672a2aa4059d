import CSystem
import Glibc

/// A mount namespace for the calling thread, and for the threads that it starts from then on. What the machine mounts
/// later still shows there. What is mounted there shows nowhere else.
package enum MountNamespace {
  package static func enter() throws(Errno) {
    try call("get a mount namespace (it takes CAP_SYS_ADMIN)") { system_unshare_mounts() }
    do { try hideMounts() } catch  where error.code == EINVAL { try enterRootOfChroot() }
  }

  private static func hideMounts() throws(Errno) {
    try call("make the mounts of / slaves") { mount("none", "/", nil, UInt(MS_REC | MS_SLAVE), nil) }
  }

  /// `/` is no mount point, so the process is in a chroot. From here mounts cannot be made slaves, and runc could not
  /// change the root. So this goes out to the namespace's own root. There it mounts the chroot's folder onto itself,
  /// with everything that is mounted below, and enters that mount.
  private static func enterRootOfChroot() throws(Errno) {
    let folder = try workingDirectory()
    let root = try FileDescriptor(open: "/", O_RDONLY | O_DIRECTORY)
    let namespace = try FileDescriptor(open: "/proc/thread-self/ns/mnt", O_RDONLY)
    // setns(2): with a mount namespace come its root, and that root as the working directory.
    try call("go to the root of the mount namespace") { system_enter_mounts(namespace.number) }
    try hideMounts()
    let tree = FileDescriptor(
      owning: try call("mount the chroot's folder onto itself") { system_mount_onto_itself(root.number) })
    try call("enter the chroot's folder") { fchdir(tree.number) }
    try call("change the root to the chroot's folder") { chroot(".") }
    try call("go back to \(folder)") { chdir(folder) }
  }

  private static func workingDirectory() throws(Errno) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&buffer, buffer.count) != nil else { throw Errno(errno, "find out the working directory") }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
