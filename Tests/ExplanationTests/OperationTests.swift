import Policy
import Testing

@testable import Explanation

@Suite("the words of an operation")
struct OperationTests {
  @Test(
    "are read, and told in words",
    arguments: [
      ("exec /bin/sh -c id", "exec /bin/sh -c id"),
      ("--new --entrypoint exec /tmp/x", "exec /tmp/x (new, as the entrypoint)"),
      ("--interpreter /bin/sh exec /run.sh", "exec /run.sh (a script of /bin/sh)"),
      ("--fileless map /lib/x.so", "map /lib/x.so (fileless)"),
      ("open /etc/shadow", "open /etc/shadow"), ("--write open /etc/shadow", "open to write /etc/shadow"),
      ("--write --read open /a", "open to read and write /a"),
      ("connect 10.1.2.3:443/tcp", "connect 10.1.2.3:443/tcp"), ("connect [::1]:53/UDP", "connect [::1]:53/udp"),
      ("connect [::1]/icmp", "connect ::1/icmp"), ("connect 10.1.2.3/icmp", "connect 10.1.2.3/icmp"),
      ("accept 10.0.0.1 80/tcp", "accept 10.0.0.1 at 80/tcp"), ("accept fd00::1 9/sctp", "accept fd00::1 at 9/sctp"),
      ("bind 8080/tcp", "bind 8080/tcp"), ("syscall unshare 0x10000000 -1", "unshare 0x10000000 0xffffffffffffffff"),
      ("mount", "mount"), ("executableMemory", "executableMemory"), ("socket netlink", "socket netlink"),
      ("socket route", "socket netlink"),
    ])
  func reading(_ words: String, _ text: String) throws {
    #expect(try Operation(words.split(separator: " ").map(String.init)).text == text)
  }

  @Test(
    "are refused if they are none, and the message says what to write",
    arguments: [
      ("", "no operation; name one"), ("exce /bin/sh", "did you mean \"exec\"?"),
      ("exec", "exec takes PATH [ARGUMENT...]"),
      ("exec bin/sh", "is no path that the kernel resolved"), ("exec /bin/../sh", "is no path"),
      ("exec /bin/", "is no path"), ("--nwe exec /bin/sh", "did you mean \"--new\"?"),
      ("--new open /etc/passwd", "--new says nothing about open"), ("--new --new exec /a", "--new is given twice"),
      ("--interpreter", "--interpreter needs a path"), ("open /a /b", "open takes PATH"),
      ("connect 10.1.2.3", "is no destination"), ("connect ::1:53/udp", "is no destination"),
      ("connect 10.1.2:1/tcp", "is no IP address"), ("connect 10.1.2.3:99999/tcp", "is no port"),
      ("connect 10.1.2.3:1/tls", "is no port"), ("accept 10.1.2.3", "accept takes PEER PORT/PROTOCOL"),
      ("bind 80", "is no port"), ("bind +80/tcp", "is no port"), ("syscall", "syscall takes NAME"),
      ("syscall opneat", "unknown syscall \"opneat\"; did you mean \"openat\"?"),
      ("syscall open a", "is no argument of a system call"), ("syscall open 1 2 3 4 5 6 7", "has 6 arguments at most"),
      ("mount /dev/sda", "mount takes nothing behind it"), ("socket inte", "did you mean \"inet\"?"),
    ])
  func refusals(_ words: String, _ part: String) {
    let error = #expect(throws: OperationError.self) {
      try Operation(words.split(separator: " ").map(String.init))
    }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
  }

  @Test("have a limit, in bytes and in number")
  func limits() throws {
    // The verb, the path, their two ends, and the end of the argument.
    let rest = OperationReader.bytesMax - "exec".utf8.count - "/a".utf8.count - 3
    _ = try Operation(["exec", "/a", String(repeating: "x", count: rest)])
    #expect(throws: OperationError.self) { try Operation(["exec", "/a", String(repeating: "x", count: rest + 1)]) }
    _ = try Operation(["exec", "/a"] + [String](repeating: "", count: OperationReader.wordsMax - 2))
    #expect(throws: OperationError.self) {
      try Operation(["exec", "/a"] + [String](repeating: "", count: OperationReader.wordsMax - 1))
    }
  }

  @Test("are told without control characters")
  func controlCharacters() throws {
    #expect(try Operation(["exec", "/bin/\u{1b}[2J"]).text.unicodeScalars.allSatisfy { $0.value >= 0x20 })
  }
}
