import CSystem

/// This process's memory.
package enum Memory {
  /// Gives back to the kernel what is free. malloc_trim(3).
  package static func giveBack() { system_trim_memory() }
}
