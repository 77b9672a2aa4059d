import CSystem

/// This process's memory.
package enum Memory {
  /// Gives free memory back to the kernel. malloc_trim(3).
  package static func giveBack() { system_trim_memory() }
}
