import Glibc

package enum Timestamp {
  /// UTC with nanoseconds: `2026-01-31T09:30:00.000000001Z`.
  package static func rfc3339(nanoseconds: Int64) -> String {
    let (seconds, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date =
      "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
    let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
    return "\(date)T\(clock).\(padded(Int(fraction), 9))Z"
  }

  /// The time of a text that `rfc3339` wrote; nil: it is no such text. timegm(3).
  package static func nanoseconds(rfc3339 text: String) -> Int64? {
    let numbers = text.split { !$0.isNumber }.compactMap { Int64($0) }
    guard numbers.count == 7, let year = Int32(exactly: numbers[0] - 1900) else { return nil }
    var parts = tm()
    parts.tm_year = year
    (parts.tm_mon, parts.tm_mday) = (Int32(truncatingIfNeeded: numbers[1] - 1), Int32(truncatingIfNeeded: numbers[2]))
    (parts.tm_hour, parts.tm_min) = (Int32(truncatingIfNeeded: numbers[3]), Int32(truncatingIfNeeded: numbers[4]))
    parts.tm_sec = Int32(truncatingIfNeeded: numbers[5])
    let (whole, isTooLong) = Int64(timegm(&parts)).multipliedReportingOverflow(by: 1_000_000_000)
    let (time, isTooLate) = whole.addingReportingOverflow(numbers[6])
    // What is no date, or is written otherwise, gives another text.
    return isTooLong || isTooLate || time < 0 || rfc3339(nanoseconds: time) != text ? nil : time
  }

  /// Added to a CLOCK_BOOTTIME stamp, it gives the time since 1970 by the wall clock as it is set now.
  package static var bootOffset: Int64 { now(CLOCK_REALTIME) - now(CLOCK_BOOTTIME) }

  package static func now(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
