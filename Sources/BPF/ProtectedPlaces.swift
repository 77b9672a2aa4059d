import CStockade
import Glibc
import System

/// Where protected folders lie, as the kernel's programs look for them: by device and inode.
struct ProtectedPlaces {
  /// The folders, and the folders above them: the way to what is protected must stay where it is.
  private(set) var inodes: [(stockade_inode, UInt32)] = []
  /// The devices, each with the greatest `enum stockade_protection` of the places on it.
  private(set) var devices: [(UInt32, UInt32)] = []

  /// - Parameters:
  ///   - folders: folders that do not exist are left out.
  ///   - mountInfo: the text of `/proc/self/mountinfo`; proc(5).
  init(folders: [String: SelfProtection.Protection], mountInfo: String) throws(Errno) {
    var places: [String: UInt32] = [:]
    for (folder, protection) in folders {
      guard let real = Self.resolved(folder) else { continue }
      for path in Self.above(real) { places[path] = max(places[path] ?? 0, STOCKADE_LEADS.rawValue) }
      places[real] = max(places[real] ?? 0, protection.kernelProtection)
    }
    let mounts = Self.mounts(mountInfo)
    var strictest: [UInt32: UInt32] = [:]
    for (path, protection) in places.sorted(by: { $0.key < $1.key }) {
      guard let device = Self.device(of: path, mounts) else { throw Errno(ENODEV, "find the device of \(path)") }
      let number = UInt64(try Files.status(path).st_ino)
      inodes.append((stockade_inode(number: number, device: device, pad: 0), protection))
      strictest[device] = max(strictest[device] ?? 0, protection)
    }
    devices = strictest.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The path without symbolic links; nil: it does not exist.
  private static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// `/a/b`: `/` and `/a`.
  static func above(_ path: String) -> [String] {
    var paths: [String] = []
    var rest = path
    while rest != "/", rest.utf8.contains(UInt8(ascii: "/")) {
      rest = Files.folder(of: rest)
      paths.append(rest)
    }
    return paths.reversed()
  }

  /// Mount points, and the devices of what is mounted there, in mountinfo's order: the last mount covers the others.
  static func mounts(_ mountInfo: String) -> [(point: String, device: UInt32)] {
    MountInfo.all(in: mountInfo).map { ($0.point, $0.device) }
  }

  /// The device of the longest mount point with which the path begins.
  static func device(of path: String, _ mounts: [(point: String, device: UInt32)]) -> UInt32? {
    var best: (length: Int, device: UInt32)?
    for (point, device) in mounts {
      let isAbove = point == "/" || path == point || path.hasPrefix(point + "/")
      if isAbove, point.utf8.count >= best?.length ?? 0 { best = (point.utf8.count, device) }
    }
    return best?.device
  }
}

extension SelfProtection.Protection {
  fileprivate var kernelProtection: UInt32 {
    switch self {
    case .hidden: STOCKADE_HIDE.rawValue
    case .kept: STOCKADE_KEEP.rawValue
    }
  }
}
