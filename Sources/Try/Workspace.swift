import Glibc
import System

/// The folder of one `try`: a tmpfs in a mount namespace of its own. So the kernel clears the folder away with the last
/// process that sees it. Nobody else sees what is mounted here.
package final class Workspace {
  static let parent = "/run/stockade-try"

  /// 12 hexadecimal digits. They name the folder and the cgroups.
  package let id: String
  package let path: String
  /// A BPF file system that only this `try` sees.
  package var bpffs: String { path + "/bpf" }
  var runcState: String { path + "/runc" }
  private var image: String { path + "/image" }

  /// Moves the calling thread, and the threads that it starts from now on, to a new mount namespace. Leaves nothing to
  /// clean up.
  init() throws(TryError) {
    id = try Self.randomID()
    path = "\(Self.parent)/\(id)"
    try system { () throws(Errno) in
      try MountNamespace.enter()
    }
  }

  /// Makes the folder and fills the image: a view of `rootfs`, or a tree made from busybox.
  func setUp(rootfs: String?) throws(TryError) {
    try system { [path, bpffs] () throws(Errno) in
      try Files.makeFolder(path)
      // Containers with users of their own pass through this folder, and must not look around.
      try Self.mount("stockade-try", on: path, type: "tmpfs", data: "mode=0711")
      for folder in [bpffs, runcState, image] { try Files.makeFolder(folder) }
      try Self.mount("stockade-try", on: bpffs, type: "bpf", data: "mode=0700")
      if let rootfs { try Self.mount(rootfs, on: image, type: nil, flags: UInt(MS_BIND)) }
    }
    if rootfs == nil { try BusyBox.makeImage(in: image) }
  }

  private static func randomID() throws(TryError) -> String {
    let bytes = try system { () throws(Errno) in
      try FileDescriptor(open: "/dev/urandom", O_RDONLY).read(atMost: 6)
    }
    return bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// The folder of one container, with the image's root file system mounted in it, fresh.
  ///
  /// - Parameters:
  ///   - owner: the owner of the root folder.
  ///   - options: further options of the overlay, separated by commas.
  func makeBundle(_ name: String, owner: UInt32 = 0, options: String? = nil) throws(TryError) -> Bundle {
    let bundle = Bundle(path: "\(path)/\(name)")
    try system { [image] () throws(Errno) in
      try Files.makeFolder(bundle.path)
      try Self.mount("stockade-try", on: bundle.path, type: "tmpfs", data: "mode=0755")
      for folder in [bundle.upper, bundle.work, bundle.rootfs] { try Files.makeFolder(folder) }
      try Self.mount(
        "overlay", on: bundle.rootfs, type: "overlay",
        data: "lowerdir=\(image),upperdir=\(bundle.upper),workdir=\(bundle.work)"
          + (options.map { ",\($0)" } ?? ""))
      try call("hand over \(bundle.rootfs)") { chown(bundle.rootfs, owner, owner) }
    }
    return bundle
  }

  private static func mount(
    _ source: String, on target: String, type: String?, flags: UInt = 0, data: String? = nil
  ) throws(Errno) {
    try call("mount \(type ?? source) on \(target)") { Glibc.mount(source, target, type, flags, data) }
  }
}

/// An OCI bundle and what belongs to it, on a tmpfs of its own.
struct Bundle: Sendable {
  var path: String
  var rootfs: String { path + "/rootfs" }
  var upper: String { path + "/upper" }
  var work: String { path + "/work" }
  var configuration: String { path + "/config.json" }
  var pidFile: String { path + "/pid" }
  var log: String { path + "/log" }

  /// Frees what the container wrote and what runc left. Processes that still use the bundle keep their own view.
  func remove() {
    umount2(rootfs, Int32(MNT_DETACH))
    umount2(path, Int32(MNT_DETACH))
    rmdir(path)
  }
}
