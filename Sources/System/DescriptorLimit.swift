import CSystem

/// How many descriptors this process may have open. RLIMIT_NOFILE.
package enum DescriptorLimit {
  /// Programs and maps are held by descriptors. About 90 are open at once while they are loaded.
  package static let needed: UInt64 = 256

  /// Raises the limit as far as this process may. setrlimit(2).
  ///
  /// - Returns: the limit that holds now.
  package static func raise() throws(Errno) -> UInt64 {
    var limit: UInt64 = 0
    try call("raise the limit of open files") { system_raise_descriptor_limit(&limit) }
    return limit
  }
}
