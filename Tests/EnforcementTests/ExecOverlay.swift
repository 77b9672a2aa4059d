import System
import Testing

extension ExecWorld {
  /// Makes an overlay in the actor's mount namespace. Its lower layer has copies of these files.
  ///
  /// - Parameters:
  ///   - files: a file's path in the overlay, without the first slash, to the file that is copied.
  func makeOverlay(_ files: [String: String]) -> (root: String, device: UInt32) {
    let root = "\(folder)/root"
    // On a tmpfs: an overlay's upper layer cannot be on an overlay, which the machine's root may be.
    run("os.mkdir('\(folder)/layers')")
    run("mount('none', '\(folder)/layers', 'tmpfs')")
    for name in ["lower", "upper", "work"] { run("os.mkdir('\(folder)/layers/\(name)')") }
    for (target, source) in files {
      run("os.makedirs(os.path.dirname('\(folder)/layers/lower/\(target)'), exist_ok=True)")
      #expect(run("copy('\(source)', '\(folder)/layers/lower/\(target)')") == "ok")
    }
    run("os.mkdir('\(root)')")
    let layers = ["lowerdir=lower", "upperdir=upper", "workdir=work"]
    run("os.chdir('\(folder)/layers')")
    #expect(run("mount('overlay', '\(root)', 'overlay', 0, '\(layers.joined(separator: ","))')") == "ok")
    let device = run("(lambda d: os.major(d) << 20 | os.minor(d))(os.stat('\(root)').st_dev)")
    return (root, UInt32(device)!)
  }
}

/// Loaded, where it is a module.
let hasOverlay = (try? Files.text("/proc/filesystems"))?.contains("\toverlay\n") ?? false
