import Daemon
import Testing

@Suite struct NodeGateCommandTests {
  @Test(
    "an opening is for a number of seconds, minutes or hours",
    arguments: [
      ("1s", 1), ("90s", 90), ("10m", 600), ("24h", 86400), ("86400s", 86400), ("1440m", 86400), ("007m", 420),
    ])
  func openings(text: String, seconds: Int) { #expect(NodeGateCommand.openingSeconds(text) == seconds) }

  @Test(
    "an opening that is for no time, for ever, or not clear is none",
    arguments: [
      "", "s", "10", "0s", "0h", "-1s", "+1s", "25h", "86401s", "1441m", "1d", "1.5h", "1e3s", "10 m", " 10m", "10m ",
      "10ms", "m10", "0x10s", "10M", "٣s", "99999999999999999999h", "9223372036854775807h", "1h30m",
    ])
  func noOpenings(text: String) { #expect(NodeGateCommand.openingSeconds(text) == nil) }
}
