import Glibc
import System

/// The descriptors that a keeper and the Stockades that it keeps get beside the three standard streams, and the words
/// that start them. No user types these words, so no help lists them.
package enum KeptDescriptors {
  /// First word of a keeper's command line; then the plugin's name, its index, and how many Stockades keepers have
  /// started since the runtime launched one.
  package static let keeperWord = "keeper"
  /// First word of a Stockade that a keeper started; then name, index, the runtime's socket, and the
  /// same number, with itself.
  package static let keptWord = "kept"

  /// A keeper's descriptors: the launched Stockade, the end from which its beats are read, the runtime, the
  /// configuration.
  enum Keeper { static let servant: Int32 = 3, beats: Int32 = 4, runtime: Int32 = 5, text: Int32 = 6 }
  /// A kept Stockade's descriptors: the configuration, the end to which it writes its beats, the runtime.
  enum Kept { static let text: Int32 = 3, beats: Int32 = 4, runtime: Int32 = 5 }

  /// Takes over these descriptors; nil: one is missing, so this process was not started by us.
  static func adopt(_ numbers: [Int32]) -> [FileDescriptor]? {
    guard numbers.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else { return nil }
    return numbers.map { FileDescriptor(owning: $0) }
  }

  /// Starts this very program, even if its file was replaced. The new process has these descriptors from 3 on, and no
  /// others.
  static func start(_ words: [String], _ descriptors: [FileDescriptor]) throws(Errno) -> pid_t {
    let null = try FileDescriptor(open: "/dev/null", O_RDWR)
    // The copies have numbers above all the final ones, so that none is overwritten before it is copied.
    var copies: [FileDescriptor] = []
    for descriptor in [null, null, null] + descriptors {
      copies.append(
        FileDescriptor(owning: try call("copy a descriptor") { fcntl(descriptor.number, F_DUPFD_CLOEXEC, 64) }))
    }
    return try spawn(
      "/proc/self/exe", ["stockade"] + words, streams: copies.map(\.number), ownGroup: false, closesOthers: true)
  }

  /// Does the same, and opens a handle of the process. If that fails, the process is ended again, because nobody would
  /// watch it.
  static func startWatched(
    _ words: [String], _ descriptors: [FileDescriptor],
    open: (pid_t) throws(Errno) -> ProcessHandle = ProcessHandle.init(pid:)
  ) throws(Errno) -> (pid: pid_t, process: ProcessHandle) {
    let pid = try start(words, descriptors)
    // The process was not waited for yet, so the number is still its own.
    do { return (pid, try open(pid)) } catch {
      kill(pid, SIGKILL)
      _ = try? Children.wait(for: pid)
      throw error
    }
  }
}
