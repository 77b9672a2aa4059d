import Glibc

/// The user who logged in, whoever they have become since. loginuid of audit(7).
package enum LoginUser {
  /// `loginuid` of a process for which nobody logged in.
  private static let nobody = UInt32.max

  /// - Parameter folder: of the process: `/proc/PID`.
  /// - Returns: nil: nobody logged in, or the kernel has no audit.
  package static func ofProcess(_ folder: String) throws(Errno) -> UInt32? {
    do {
      let user = UInt32(try Files.text("\(folder)/loginuid").filter { !$0.isWhitespace })
      return user == nobody ? nil : user
    } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
  }
}
