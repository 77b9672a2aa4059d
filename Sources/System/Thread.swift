import CSystem
import Glibc
import Synchronization

/// A thread of its own, for work that blocks and so must not sit in a pool. If this value is gone before the thread was
/// joined, the thread goes on, and nobody waits for it. pthreads(7).
package final class Thread: Sendable {
  private let thread: pthread_t
  private let hasEnded = Monitor(false)
  private let isJoined = Mutex(false)

  private static let prologue = Mutex<@Sendable () -> Void>({})

  /// From now on each thread does this before its work, so that it holds for every thread but the first one.
  package static func beginEach(with prologue: @escaping @Sendable () -> Void) {
    self.prologue.withLock { $0 = prologue }
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts the thread.
  package init(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(
      Box { [hasEnded] in
        Self.prologue.withLock { $0 }()
        body()
        hasEnded.withLock { $0 = true }
      })
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

  deinit { if !isJoined.withLock({ $0 }) { pthread_detach(thread) } }

  /// Waits for the thread's end.
  package func join() {
    hasEnded.wait { $0 }
    free()
  }

  /// Waits for the thread's end, at most this long.
  ///
  /// - Returns: whether it has ended.
  @discardableResult
  package func join(milliseconds: Int) -> Bool {
    let isOver = hasEnded.wait(milliseconds: milliseconds) { $0 }
    if isOver { free() }
    return isOver
  }

  private func free() {
    isJoined.withLock { isJoined in
      if !isJoined { pthread_join(thread, nil) }
      isJoined = true
    }
  }

  /// Names the calling thread. At most 15 bytes of the name count. The main thread's name is the process's name, as
  /// pgrep(1) finds it. PR_SET_NAME of prctl(2).
  package static func nameCurrent(_ name: String) { _ = system_name_thread(name) }
}
