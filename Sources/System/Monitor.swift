import Glibc

/// A value under a lock, with a way to wait until the value is as wanted. pthread_mutex_lock(3),
/// pthread_cond_timedwait(3).
///
/// The standard library's `Mutex` has nothing to wait with.
package final class Monitor<Value>: @unchecked Sendable {
  // `value` is only touched under `mutex`.
  private var value: Value
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init(_ value: sending Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // If somebody sets the clock, nobody must wait longer for that.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(changed, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Threads that wait look at the value again afterwards. `body` must not block.
  package func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(changed)
      pthread_mutex_unlock(mutex)
    }
    return body(&value)
  }

  /// Only looks at the value: no thread that waits is woken.
  package func read<Result>(_ body: (Value) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(value)
  }

  /// Waits until `body` has a result.
  package func wait<Result>(_ body: (inout Value) -> Result?) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&value) { return result }
      pthread_cond_wait(changed, mutex)
    }
  }

  /// Waits until the value is as wanted.
  package func wait(until isWanted: (Value) -> Bool) { wait { isWanted($0) ? () : nil } }

  /// Waits until the value is as wanted, at most this long.
  ///
  /// - Returns: whether the value is as wanted.
  @discardableResult
  package func wait(milliseconds: Int, until isWanted: (Value) -> Bool) -> Bool {
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &end)
    let nanoseconds = end.tv_nsec + milliseconds % 1000 * 1_000_000
    end.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isWanted(value) {
      if pthread_cond_timedwait(changed, mutex, &end) == ETIMEDOUT { return isWanted(value) }
    }
    return true
  }
}
