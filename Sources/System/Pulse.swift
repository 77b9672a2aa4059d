/// Signs of life of a thread that mostly waits: it gives them between two waits, so they stop when it hangs.
package struct Pulse {
  /// How long the thread may wait before the next sign.
  package let milliseconds: Int64
  package let beat: () -> Void

  package init(milliseconds: Int64, beat: @escaping () -> Void) {
    (self.milliseconds, self.beat) = (milliseconds, beat)
  }
}
