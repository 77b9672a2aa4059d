import Glibc
import System

/// What a run needs of this machine. This is checked first, so that what is missing is reported before anything is
/// made.
enum Requirements {
  static func check(_ options: Options) throws(TryError) {
    if geteuid() != 0 { throw .missing("it takes root to make containers: run stockade try as root") }
    try checkRunc(options.runc)
    if let rootfs = options.rootfs { try checkFolder(rootfs) } else { _ = try BusyBox.find() }
  }

  private static func checkFolder(_ rootfs: String) throws(TryError) {
    let mode = try? Files.status(rootfs).st_mode
    guard let mode, mode & S_IFMT == S_IFDIR else {
      throw .missing("--rootfs \"\(rootfs)\" is no folder; name one that has the tree of an image (docs/try.md)")
    }
  }

  private static func checkRunc(_ program: String) throws(TryError) {
    do { _ = try SearchPath.current().find(program) } catch {
      let advice =
        program == Options().runc
        ? "install it (apt-get install runc), or name another OCI runtime with --runc PROGRAM"
        : "name an OCI runtime with runc's command line"
      throw .missing("\(error); \(advice)")
    }
  }
}
