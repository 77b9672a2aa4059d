import CStockade
import Glibc
import System

/// When a temporary audit of a container ends, as the kernel's programs compare it with the clock: in whole seconds of
/// CLOCK_BOOTTIME.
package struct AuditDeadline: Hashable, Comparable, Sendable {
  /// The greatest deadline that a container's entry can have: more than eight years after the boot.
  package static let secondsMax = UInt32.max >> STOCKADE_AUDIT_SHIFT.rawValue
  private static let nanosecondsPerSecond: UInt64 = 1_000_000_000

  package let seconds: UInt32

  package init(seconds: UInt32) { self.seconds = seconds }

  /// The first whole second that is so many seconds away. nil: an entry cannot have it.
  package init?(after seconds: UInt32, from nowNanoseconds: UInt64) {
    let end = (nowNanoseconds + UInt64(seconds) * Self.nanosecondsPerSecond - 1) / Self.nanosecondsPerSecond + 1
    guard end <= Self.secondsMax else { return nil }
    self.seconds = UInt32(end)
  }

  package var nanoseconds: UInt64 { UInt64(seconds) * Self.nanosecondsPerSecond }

  /// As the programs see it.
  package func isOver(at nowNanoseconds: UInt64) -> Bool { nowNanoseconds >= nanoseconds }

  package static func < (one: AuditDeadline, other: AuditDeadline) -> Bool { one.seconds < other.seconds }

  /// CLOCK_BOOTTIME.
  package static var nowNanoseconds: UInt64 { UInt64(Timestamp.now(CLOCK_BOOTTIME)) }
}
