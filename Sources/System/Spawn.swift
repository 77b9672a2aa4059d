import CSystem
import Glibc

private let busyTries = 20
private let busyMicroseconds: UInt32 = 5000

/// Starts a program. If its name has no slash, the program is looked up in PATH. The program gets this process's
/// environment, no blocked signal, and SIGPIPE as it is by default: we ignore SIGPIPE, and no program must inherit
/// that. posix_spawnp(3).
///
/// - Parameters:
///   - arguments: the first is the name by which the program is called.
///   - streams: what the program gets as descriptors 0, 1, 2 and so on.
///   - ownGroup: the program gets a process group of its own, out of reach of a terminal's ^C.
///   - closesOthers: the program gets no other descriptor, not even one that we were given without close-on-exec.
package func spawn(
  _ program: String, _ arguments: [String], streams: [Int32], ownGroup: Bool, closesOthers: Bool = false
) throws(Errno) -> pid_t {
  var actions = posix_spawn_file_actions_t()
  var attributes = posix_spawnattr_t()
  posix_spawn_file_actions_init(&actions)
  posix_spawnattr_init(&attributes)
  defer {
    posix_spawn_file_actions_destroy(&actions)
    posix_spawnattr_destroy(&attributes)
  }
  for (target, source) in streams.enumerated() { posix_spawn_file_actions_adddup2(&actions, source, Int32(target)) }
  if closesOthers { system_spawn_close_from(&actions, Int32(streams.count)) }
  var signals = sigset_t()
  sigemptyset(&signals)
  posix_spawnattr_setsigmask(&attributes, &signals)
  sigaddset(&signals, SIGPIPE)
  posix_spawnattr_setsigdefault(&attributes, &signals)
  let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (ownGroup ? POSIX_SPAWN_SETPGROUP : 0)
  posix_spawnattr_setflags(&attributes, Int16(flags))
  let words = arguments.map { strdup($0) } + [nil]
  defer { for word in words { free(word) } }
  var pid: pid_t = 0
  var code = posix_spawnp(&pid, program, &actions, &attributes, words, environ)
  // A program that was written a moment ago: until it executes something, a new process of another thread holds open
  // what its parent wrote.
  for _ in 0..<busyTries where code == ETXTBSY {
    usleep(busyMicroseconds)
    code = posix_spawnp(&pid, program, &actions, &attributes, words, environ)
  }
  if code != 0 { throw Errno(code, "run \(program)") }
  return pid
}
