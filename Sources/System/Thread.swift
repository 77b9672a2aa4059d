import CSystem
import Glibc

/// A thread of its own, for work that blocks and so must not sit in a pool. pthreads(7).
package struct Thread: Sendable {
  private let thread: pthread_t

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts it. `join` or `detach` must be called in the end.
  package init(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      throw Errno(code, "start a thread")
    }
    self.thread = thread
  }

  /// Waits for its end.
  package func join() { pthread_join(thread, nil) }

  /// Nobody will wait for it.
  package func detach() { pthread_detach(thread) }

  /// Names the calling thread, of which at most 15 bytes count; the main thread's name is the process's, as pgrep(1)
  /// finds it. PR_SET_NAME of prctl(2).
  package static func nameCurrent(_ name: String) { _ = system_name_thread(name) }

  /// Starts one that nobody waits for. Only for a process's start: where it has no thread left it ends.
  package static func detached(_ body: @escaping @Sendable () -> Void) {
    do throws(Errno) { pthread_detach(try Thread(body).thread) } catch { fatalError("\(error)") }
  }
}
