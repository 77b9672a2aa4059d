import CStockade

extension KernelEvent {
  /// A system call that a seccomp filter may have stopped.
  package struct Syscall: Equatable, Sendable {
    /// With bit 30 set for x32, as a filter sees it.
    package var number: Int32
    /// AUDIT_ARCH_*.
    package var architecture: UInt32
    package var arguments: [UInt64]
    /// What the call returned: minus an errno. If a filter sent SIGSYS, this is the call's own number.
    package var result: Int64
    /// Whether the kernel says that some filter, or a tracer, stopped the call. Else it is known only by its result.
    package var isCertain: Bool

    package init(
      number: Int32, architecture: UInt32, arguments: [UInt64] = [], result: Int64 = 0, isCertain: Bool = true
    ) {
      (self.number, self.architecture, self.arguments) = (number, architecture, arguments)
      (self.result, self.isCertain) = (result, isCertain)
    }

    /// nil: the call did not fail.
    package var errno: Int32? { (-4095 ... -1).contains(result) ? Int32(-result) : nil }
  }
}

extension KernelEvent.Syscall {
  init(_ record: stockade_syscall) {
    let words = withUnsafeBytes(of: record.arguments) { Array($0.bindMemory(to: UInt64.self)) }
    self.init(
      number: Int32(bitPattern: record.number), architecture: record.architecture, arguments: words,
      result: record.result, isCertain: record.is_certain != 0)
  }
}
