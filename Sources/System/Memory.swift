import CSystem

/// This process's memory.
package enum Memory {
  /// Keeps what is freed in large pieces from staying with the process, in every thread. Called once, at the start.
  package static func keepLittle() { system_keep_little_memory() }

  /// Gives free memory back to the kernel. malloc_trim(3).
  package static func giveBack() { system_trim_memory() }

  /// Gives back the pages of the program's own code. Most of them were needed for the start alone. What is needed again
  /// is found in the page cache, a microsecond for each page.
  package static func giveBackCode() { system_drop_code() }
}
