import Glibc
import Synchronization

/// How many questions were asked with real things: files whose path the kernel walks, execs and sockets. The end of the
/// process prints it.
enum PropertyCount {
  private static let counts = Mutex<[String: Int]>([:])
  private static let printsAtExit: Void = { _ = atexit { PropertyCount.printAll() } }()

  static func add(_ what: String, _ count: Int = 1) {
    printsAtExit
    counts.withLock { $0[what, default: 0] += count }
  }

  private static func printAll() {
    let found = counts.withLock { $0 }
    for (what, count) in found.sorted(by: { $0.key < $1.key }) { print("property: \(count) \(what)") }
  }
}
