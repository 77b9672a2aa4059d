import CStockade
import Glibc
import System
import Testing

@testable import BPF

/// Where the daemon's folders lie.
struct ProtectedPlacesTests {
  @Test(
    "what is above a folder is the way to it",
    arguments: [("/", []), ("/a", ["/"]), ("/a/b", ["/", "/a"]), ("/a/b/c", ["/", "/a", "/a/b"])])
  func above(path: String, folders: [String]) { #expect(ProtectedPlaces.above(path) == folders) }

  private static let mountInfo = """
    20 1 8:1 / / rw - ext4 /dev/sda1 rw
    21 20 0:30 / /sys rw - sysfs sysfs rw
    22 21 0:31 / /sys/fs/bpf rw - bpf bpf rw
    23 20 0:40 / /sysadmin rw - tmpfs tmpfs rw
    24 20 0:41 / /sys rw - sysfs sysfs rw
    broken
    """

  @Test(
    "the device is that of the mount which a path is found on, the last one of a mount point",
    arguments: [
      ("/", 8 << 20 | 1), ("/etc", 8 << 20 | 1), ("/sysadmin/x", 40), ("/sys", 41), ("/sys/fs", 41),
      ("/sys/fs/bpf/stockade", 31), ("/sysx", 8 << 20 | 1),
    ] as [(String, UInt32)])
  func device(path: String, device: UInt32) {
    #expect(ProtectedPlaces.device(of: path, ProtectedPlaces.mounts(Self.mountInfo)) == device)
  }

  @Test("a folder is protected, those above it are the way, and one that is missing is left out")
  func places() throws {
    var template = Array("/tmp/stockade-places-XXXXXX".utf8CString)
    let base = String(cString: try #require(mkdtemp(&template)))
    defer { rmdir("\(base)/a"); rmdir(base) }
    try #require(mkdir("\(base)/a", 0o700) == 0)
    let mountInfo = try Files.text("/proc/self/mountinfo")
    let places = try ProtectedPlaces(
      folders: ["\(base)/a": .kept, base: .hidden, "\(base)/missing": .hidden], mountInfo: mountInfo)
    func protection(_ path: String) throws -> [UInt32] {
      let number = UInt64(try Files.status(path).st_ino)
      return places.inodes.filter { $0.0.number == number }.map(\.1)
    }
    #expect(try protection("\(base)/a") == [STOCKADE_KEEP.rawValue])
    // Both hidden and above another: what is stricter.
    #expect(try protection(base) == [STOCKADE_HIDE.rawValue])
    #expect(try protection("/tmp") == [STOCKADE_LEADS.rawValue])
    #expect(places.inodes.count == 4)
    #expect(places.devices.map(\.1).max() == STOCKADE_HIDE.rawValue)
  }

  @Test("the mountinfo that does not tell of a folder is an error")
  func unknownDevice() {
    #expect(throws: Errno.self) { try ProtectedPlaces(folders: ["/": .kept], mountInfo: "") }
  }
}
