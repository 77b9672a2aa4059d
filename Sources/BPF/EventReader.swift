import CBPF
import Glibc
import System

/// The one reader of the ring buffer. Two threads must not `read` at once.
package final class EventReader: @unchecked Sendable {
  // The buffer is libbpf's; callers hold a lock around `read`.
  private let buffer: OpaquePointer
  private let box: Unmanaged<Box>
  private let wakeup: Wakeup

  private final class Box {
    let ignored: CgroupID?
    private var receiver: ((KernelEvent) -> Bool)?

    init(ignored: CgroupID?) { self.ignored = ignored }

    func send(to receiver: ((KernelEvent) -> Bool)?) { self.receiver = receiver }

    /// - Returns: whether the next record is wanted too.
    func deliver(_ event: KernelEvent) -> Bool {
      event.cgroupID == ignored || receiver?(event) != false
    }
  }

  /// The callback returns this to libbpf when no more records are wanted. libbpf has consumed the record by then, and
  /// returns this number too.
  private static let enough = -ECANCELED

  /// - Parameter ignored: the cgroup of the self-test. Its records are dropped.
  package init(shared: SharedMaps, ignored: CgroupID? = nil) throws(BPFError) {
    do { wakeup = try Wakeup() } catch { throw .system(error) }
    guard let map = try shared.descriptor("events") else { throw .missing(object: "mark", what: "map events") }
    box = Unmanaged.passRetained(Box(ignored: ignored))
    let buffer = ring_buffer__new(
      map.number,
      { context, data, size in
        let event = KernelEvent(bytes: UnsafeRawBufferPointer(start: data, count: size))
        guard let event else { return 0 }
        return Unmanaged<Box>.fromOpaque(context!).takeUnretainedValue().deliver(event) ? 0 : EventReader.enough
      }, box.toOpaque(), nil)
    guard let buffer else {
      let code = errno
      box.release()
      throw .system(Errno(code, "read the ring buffer of events"))
    }
    self.buffer = buffer
  }

  deinit {
    ring_buffer__free(buffer)
    box.release()
  }

  /// Waits until a record has come, at most this long. Any thread may wait. poll(2)
  package func wait(milliseconds: Int32) {
    let watched = [ring_buffer__epoll_fd(buffer), wakeup.reader.number]
    var descriptors = watched.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    Glibc.poll(&descriptors, nfds_t(descriptors.count), milliseconds)
  }

  /// Ends a `wait`, now and every later one.
  package func wake() { wakeup.wake() }

  /// Hands over the records in the buffer, and those that come meanwhile, until `deliver` wants no more.
  ///
  /// - Parameter deliver: returns whether the next record is wanted too.
  /// - Returns: whether nothing is left.
  package func read(_ deliver: (KernelEvent) -> Bool) throws(BPFError) -> Bool {
    let result = withoutActuallyEscaping(deliver) { deliver in
      let box = box.takeUnretainedValue()
      box.send(to: deliver)
      defer { box.send(to: nil) }
      return ring_buffer__consume(buffer)
    }
    if result == Self.enough { return false }
    if result < 0, -result != EINTR { throw .system(Errno(-result, "read events")) }
    return true
  }
}
