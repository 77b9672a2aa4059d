import Glibc
import System

/// What a keeper and those that it keeps get as descriptors, beside the three standard streams, and the words that they
/// are started by. No user does, so no help lists them.
package enum KeptDescriptors {
  /// First word of a keeper's command line; then the plugin's name and its index.
  package static let keeperWord = "keeper"
  /// First word of a Stockade that a keeper started; then name, index and the runtime's socket.
  package static let keptWord = "kept"

  /// Of a keeper: the Stockade that was launched, the end that its beats are read from, the runtime, the configuration.
  enum Keeper { static let servant: Int32 = 3, beats: Int32 = 4, runtime: Int32 = 5, text: Int32 = 6 }
  /// Of a kept one: the configuration, the end that it writes its beats to, the runtime.
  enum Kept { static let text: Int32 = 3, beats: Int32 = 4, runtime: Int32 = 5 }

  /// Takes over those that are there; nil: it was not started by us.
  static func adopt(_ numbers: [Int32]) -> [FileDescriptor]? {
    guard numbers.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else { return nil }
    return numbers.map { FileDescriptor(owning: $0) }
  }

  /// Starts this very program, also where its file was replaced, with those descriptors from 3 on and with no other.
  static func start(_ words: [String], _ descriptors: [FileDescriptor]) throws(Errno) -> pid_t {
    let null = try FileDescriptor(open: "/dev/null", O_RDWR)
    // Above all that they become, so that none is overwritten before it is copied.
    var copies: [FileDescriptor] = []
    for descriptor in [null, null, null] + descriptors {
      copies.append(
        FileDescriptor(owning: try call("copy a descriptor") { fcntl(descriptor.number, F_DUPFD_CLOEXEC, 64) }))
    }
    return try spawn(
      "/proc/self/exe", ["stockade"] + words, streams: copies.map(\.number), ownGroup: false, closesOthers: true)
  }

  /// The same, with a handle of it. Where there can be none it is ended again: nobody would watch it.
  static func startWatched(
    _ words: [String], _ descriptors: [FileDescriptor],
    open: (pid_t) throws(Errno) -> ProcessHandle = ProcessHandle.init(pid:)
  ) throws(Errno) -> (pid: pid_t, process: ProcessHandle) {
    let pid = try start(words, descriptors)
    // Not waited for yet, so the number is still its.
    do throws(Errno) { return (pid, try open(pid)) } catch {
      kill(pid, SIGKILL)
      _ = try? Children.wait(for: pid)
      throw error
    }
  }
}
