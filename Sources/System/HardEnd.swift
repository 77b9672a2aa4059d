import Glibc

/// Ends this process where a part of it would be missing, and says why on standard error. What is pinned stays in
/// force, and the next Stockade takes it over. A trap would say the same with the signal and the core of a defect.
package func endHard(_ reason: Errno) -> Never {
  let line = Array("stockade: \(reason)\n".utf8)
  _ = write(2, line, line.count)
  _exit(1)
}
