import Glibc

/// A failed system call: what was tried, on what, and the kernel's reason.
package struct Errno: Error, Equatable, CustomStringConvertible, Sendable {
  package let code: Int32
  package let action: String

  package init(_ code: Int32, _ action: String) {
    self.code = code
    self.action = action
  }

  /// The reason alone, as the kernel words it, in lower case: `operation not permitted`.
  package var reason: String {
    let text = String(cString: strerror(code))
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  package var description: String { "cannot \(action): \(reason)" }
}

/// Runs one system call, and runs it again while it is interrupted. Throws its errno.
///
/// - Parameter action: completes "cannot …", and names the object: `open /etc/passwd`.
@discardableResult
package func call<Result: FixedWidthInteger>(
  _ action: @autoclosure () -> String, _ body: () -> Result
) throws(Errno) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let code = errno
    if code != EINTR { throw Errno(code, action()) }
  }
}
