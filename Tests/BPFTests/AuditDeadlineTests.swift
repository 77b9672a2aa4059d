import BPF
import Testing

/// Deadlines of temporary audits, in whole seconds.
struct AuditDeadlineTests {
  @Test(
    "an audit is never shorter than it was asked for, and less than a second longer",
    arguments: [(0, 1, 1), (1, 1, 2), (999_999_999, 1, 2), (1_000_000_000, 1, 2), (1_500_000_000, 3600, 3602)]
      as [(UInt64, UInt32, UInt32)])
  func rounding(now: UInt64, seconds: UInt32, end: UInt32) throws {
    let deadline = try #require(AuditDeadline(after: seconds, from: now))
    #expect(deadline.seconds == end)
    #expect(!deadline.isOver(at: deadline.nanoseconds - 1) && deadline.isOver(at: deadline.nanoseconds))
  }

  @Test("a deadline that an entry cannot have is none")
  func limit() {
    let last = UInt64(AuditDeadline.secondsMax) * 1_000_000_000
    #expect(AuditDeadline(after: 1, from: last - 1_000_000_000)?.seconds == AuditDeadline.secondsMax)
    #expect(AuditDeadline(after: 1, from: last - 999_999_999) == nil)
    #expect(AuditDeadline.secondsMax > 8 * 365 * 86400)
  }
}
