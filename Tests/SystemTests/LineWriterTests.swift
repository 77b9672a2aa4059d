import Glibc
import Synchronization
import System
import Testing

@Suite(.timeLimit(.minutes(1))) struct LineWriterTests {
  @Test("a line that was written in part is continued, on a stream that does not block as well")
  func continued() throws {
    var ends: [Int32] = [0, 0]
    try call("make a pipe") { pipe(&ends) }
    let (reader, writer) = (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
    _ = fcntl(writer.number, F_SETFL, O_NONBLOCK)
    let long = String(repeating: "x", count: 1 << 20)
    let lines = LineWriter(writer)
    let thread = try Thread { @Sendable in
      try? lines.write(long)
      try? lines.write("end")
    }
    var bytes: [UInt8] = []
    while bytes.count < long.utf8.count + 5 { bytes += try reader.read(atMost: 65536) }
    thread.join()
    #expect(String(decoding: bytes, as: UTF8.self) == long + "\nend\n")
  }

  @Test("where a reader dies in the middle of a line, the next one gets half a line alone, and then the whole line")
  func readerDies() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    try call("make a pipe") { pipe(&ends) }
    let writer = FileDescriptor(owning: ends[1])
    var reader: FileDescriptor? = FileDescriptor(owning: ends[0])
    let lines = LineWriter(writer)
    let long = String(repeating: "x", count: 1 << 20), failure = Monitor<Errno?>(nil)
    let first = try Thread { @Sendable in
      do throws(Errno) { try lines.write(long) } catch { failure.withLock { $0 = error } }
    }
    _ = try reader?.read(atMost: 65536)
    reader = nil
    first.join()
    #expect(failure.read { $0?.code } == EPIPE)
    let next = try FileDescriptor(open: "/proc/self/fd/\(writer.number)", O_RDONLY | O_NONBLOCK)
    _ = fcntl(next.number, F_SETFL, 0)
    let second = try Thread { @Sendable in
      for line in [long, "end"] { try? lines.write(line) }
    }
    var text = ""
    while !text.hasSuffix("\nend\n") { text += String(decoding: try next.read(atMost: 65536), as: UTF8.self) }
    second.join()
    let found = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(found.count == 4 && found[0].utf8.count < long.utf8.count)
    #expect(found[1] == long && found[2...] == ["end", ""])
  }

  @Test("what an earlier process left of a line in a file stands alone", arguments: ["", "whole\n", "whole\nha"])
  func halfLine(before: String) throws {
    let path = "/tmp/stockade-lines-\(getpid())-\(before.utf8.count)"
    defer { unlink(path) }
    try Files.write(before, to: path)
    let lines = LineWriter(try FileDescriptor(open: path, O_WRONLY | O_APPEND))
    for line in ["first", "second"] { try lines.write(line) }
    let end = before.isEmpty || before.hasSuffix("\n") ? "" : "\n"
    #expect(try Files.text(path) == before + end + "first\nsecond\n")
  }

  @Test("on a disk that gets full a line is continued, and none is lost", .enabled(if: geteuid() == 0, "mounts"))
  func fullDisk() throws {
    let folder = "/tmp/stockade-lines-full-\(getpid())"
    try Files.makeFolder(folder)
    defer { rmdir(folder) }
    try call("mount a small disk") { mount("tmpfs", folder, "tmpfs", 0, "size=4k") }
    defer { umount(folder) }
    try Files.write("", to: folder + "/lines")
    let lines = LineWriter(try FileDescriptor(open: folder + "/lines", O_WRONLY | O_APPEND))
    let line = String(repeating: "x", count: 3000)
    try lines.write(line)
    for _ in 0..<2 { #expect(throws: Errno.self) { try lines.write(line) } }
    try call("make room") { mount("tmpfs", folder, "tmpfs", UInt(MS_REMOUNT), "size=64k") }
    try lines.write(line)
    #expect(try Files.text(folder + "/lines") == line + "\n" + line + "\n")
  }
}
