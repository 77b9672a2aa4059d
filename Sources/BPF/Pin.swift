import CBPF
import Glibc
import System

/// Pins: names of maps, programs and links on a bpf file system, which keep them without a process.
enum Pin {
  /// nil: there is no pin. A pin that is there may be something else.
  static func open(_ path: String) throws(BPFError) -> FileDescriptor? {
    let number = bpf_obj_get(path)
    if number >= 0 { return FileDescriptor(owning: number) }
    if [ENOENT, ENOTDIR, EACCES, ELOOP].contains(errno) { return nil }
    throw .system(Errno(errno, "open the pin \(path)"))
  }

  /// Pins an object there, in place of what may be there already. BPF_OBJ_PIN, rename(2).
  static func put(_ object: FileDescriptor, at path: String) throws(BPFError) {
    if bpf_obj_pin(object.number, path) == 0 { return }
    guard errno == EEXIST else { throw .system(Errno(errno, "pin \(path)")) }
    let temporary = "\(path)_new"
    try remove(temporary)
    try bpf("pin \(temporary)") { bpf_obj_pin(object.number, temporary) }
    if rename(temporary, path) == -1 {
      let code = errno
      unlink(temporary)
      throw .system(Errno(code, "rename \(temporary) to \(path)"))
    }
  }

  /// A missing pin is success.
  static func remove(_ path: String) throws(BPFError) {
    if unlink(path) == -1, errno != ENOENT { throw .system(Errno(errno, "remove the pin \(path)")) }
  }

  /// Makes a folder for pins, but not on a file system that can have none.
  static func makeFolder(_ path: String) throws(BPFError) {
    if stockade_is_bpffs(path) == 1 { return }
    guard stockade_is_bpffs(Files.folder(of: path)) == 1 else { throw .notOnBPFFileSystem(folder: path) }
    if mkdir(path, 0o700) == -1, errno != EEXIST { throw .system(Errno(errno, "make folder \(path)")) }
  }
}

/// What a check of pins and links does.
enum PinCheck {
  /// It only finds what is wrong: another process may have begun to look after the pins meanwhile.
  case look
  /// It is put right too.
  case mend

  /// Looks, and then mends what was found if this process is still in charge. A newer process says that it is there
  /// before it touches a pin.
  static func run(isInCharge: () -> Bool, _ body: (PinCheck) -> Damage) -> Damage? {
    if body(.look).isNone || !isInCharge() { return nil }
    let damage = body(.mend)
    return damage.isNone ? nil : damage
  }
}

/// Tells whether the names in a folder can have changed since the last look, so that the pins in it need not all be
/// opened every time. The kernel writes the time of such a change into the folder's inode, but only to the exactness of
/// some milliseconds. So a folder that was changed just now is looked at again.
struct SeenFolder: Sendable {
  private var seen: Stamp?
  private var isSettled = false

  private struct Stamp: Equatable {
    var device: dev_t
    var inode: ino_t
    var seconds, nanoseconds: Int

    init?(_ path: String) {
      guard let status = try? Files.status(path) else { return nil }
      (device, inode) = (status.st_dev, status.st_ino)
      (seconds, nanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }
  }

  /// The caller compares the pins next, and calls `forget` if a pin could not be mended.
  mutating func mayHaveChanged(_ path: String) -> Bool {
    let now = Stamp(path)
    let isSame = isSettled && now != nil && now == seen
    seen = now
    isSettled = now.map { time(nil) - $0.seconds > 1 } ?? false
    return !isSame
  }

  mutating func forget() { seen = nil }
}
