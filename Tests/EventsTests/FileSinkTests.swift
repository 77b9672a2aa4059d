import Events
import Glibc
import InMemoryLogging
import Logging
import System
import Testing

@Suite struct FileSinkTests {
  @Test("at its limit the file gives way to a new one, and no line is cut")
  func rotation() throws {
    let path = "/tmp/stockade-events-\(getpid()).jsonl"
    defer { for file in [path, path + ".1"] { unlink(file) } }
    let sink = FileSink(path: path, limitBytes: 12)
    for line in ["first", "again", "third"] { try sink.write(line) }
    #expect(try Files.text(path + ".1") == "first\nagain\n")
    #expect(try Files.text(path) == "third\n")
  }

  @Test("a symbolic link in the file's place is refused")
  func link() throws {
    let path = "/tmp/stockade-link-\(getpid()).jsonl"
    defer { unlink(path) }
    #expect(symlink("/tmp/elsewhere", path) == 0)
    let error = #expect(throws: Errno.self) { try FileSink(path: path).write("line") }
    #expect(error?.code == ELOOP)
  }

  @Test("a file that could not be made, at first or at the limit, is tried again with each line")
  func retried() throws {
    let folder = "/tmp/stockade-retried-\(getpid())"
    let path = folder + "/events.jsonl"
    defer {
      for name in ["events.jsonl", "events.jsonl.1"] { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
    let sink = FileSink(path: path, limitBytes: 12)
    // A file in the folder's place.
    try Files.write("", to: folder)
    #expect(throws: Errno.self) { try sink.write("lost") }
    unlink(folder)
    for line in ["first", "again"] { try sink.write(line) }
    // A folder in the place of the old file.
    try Files.makeFolder(path + ".1")
    #expect(throws: Errno.self) { try sink.write("lost") }
    rmdir(path + ".1")
    try sink.write("third")
    #expect(try Files.text(path + ".1") == "first\nagain\n")
    #expect(try Files.text(path) == "third\n")
  }

  @Test("a file that was removed or renamed is begun anew with the next line, and each time that is told once")
  func removed() throws {
    let path = "/tmp/stockade-removed-\(getpid()).jsonl"
    defer { for file in [path, path + ".old"] { unlink(file) } }
    let log = InMemoryLogHandler()
    let sink = FileSink(path: path, log: Logger(label: "test") { _ in log })
    try sink.write("first")
    unlink(path)
    for line in ["second", "third"] { try sink.write(line) }
    #expect(try Files.text(path) == "second\nthird\n")
    #expect(log.entries.map(\.level) == [.warning])
    #expect(rename(path, path + ".old") == 0)
    try sink.write("fourth")
    #expect(try Files.text(path + ".old") == "second\nthird\n")
    #expect(try Files.text(path) == "fourth\n")
    #expect(log.entries.count == 2)
  }

  @Test("reopened, a file that was renamed is there again at once, and nothing is told")
  func reopened() throws {
    let path = "/tmp/stockade-reopened-\(getpid()).jsonl"
    defer { for file in [path, path + ".old"] { unlink(file) } }
    let log = InMemoryLogHandler()
    let sink = FileSink(path: path, log: Logger(label: "test") { _ in log })
    try sink.write("first")
    #expect(rename(path, path + ".old") == 0)
    sink.reopen()
    #expect(try Files.text(path) == "")
    try sink.write("second")
    #expect(try Files.text(path) == "second\n")
    #expect(log.entries.isEmpty)
  }

  @Test("what an earlier process left of a line stands alone")
  func halfLine() throws {
    let path = "/tmp/stockade-half-\(getpid()).jsonl"
    defer { unlink(path) }
    try Files.write("whole\nha", to: path)
    let sink = FileSink(path: path)
    for line in ["first", "second"] { try sink.write(line) }
    #expect(try Files.text(path) == "whole\nha\nfirst\nsecond\n")
  }

  @Test("where the reader of a pipe dies in the middle of a line, the next one gets it alone, and then the whole line")
  func readerDies() throws {
    signal(SIGPIPE, SIG_IGN)
    let path = "/tmp/stockade-pipe-\(getpid())"
    try call("make a pipe") { mkfifo(path, 0o600) }
    defer { unlink(path) }
    var reader: FileDescriptor? = try Self.reader(path)
    let sink = FileSink(path: path)
    let long = String(repeating: "x", count: 1 << 20), failure = Monitor<Errno?>(nil)
    let first = try Thread { @Sendable in
      do throws(Errno) { try sink.write(long) } catch { failure.withLock { $0 = error } }
    }
    while (try? reader?.read(atMost: 65536))?.isEmpty ?? true { usleep(1000) }
    reader = nil
    first.join()
    #expect(failure.read { $0?.code } == EPIPE)
    let next = try Self.reader(path)
    let second = try Thread { @Sendable in
      for line in [long, "end"] { try? sink.write(line) }
    }
    _ = fcntl(next.number, F_SETFL, 0)
    var text = ""
    while !text.hasSuffix("\nend\n") { text += String(decoding: try next.read(atMost: 65536), as: UTF8.self) }
    second.join()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 4 && lines[0].utf8.count < long.utf8.count)
    #expect(lines[1] == long && lines[2...] == ["end", ""])
  }

  private static func reader(_ path: String) throws -> FileDescriptor {
    try FileDescriptor(open: path, O_RDONLY | O_NONBLOCK)
  }

  @Test("at its limit a file that ends in half a line gives way as well, and the new one begins with a whole line")
  func rotatedHalfLine() throws {
    let path = "/tmp/stockade-rotated-\(getpid()).jsonl"
    defer { for file in [path, path + ".1"] { unlink(file) } }
    // With a line break between them, the next line is one byte too long.
    try Files.write("whole\nha", to: path)
    let sink = FileSink(path: path, limitBytes: 14)
    for line in ["again", "third"] { try sink.write(line) }
    #expect(try Files.text(path + ".1") == "whole\nha")
    #expect(try Files.text(path) == "again\nthird\n")
  }

  @Test(
    "on a disk that gets full the file has no half line, or one that stands alone where others append, and goes on",
    .enabled(if: geteuid() == 0, "mounting needs root"), arguments: [false, true])
  func fullDisk(othersAppend: Bool) throws {
    let folder = "/tmp/stockade-full-\(getpid())-\(othersAppend)"
    try Files.makeFolder(folder)
    defer { rmdir(folder) }
    try call("mount a small disk") { mount("tmpfs", folder, "tmpfs", 0, "size=8k") }
    defer { umount(folder) }
    let path = folder + "/events.jsonl"
    let sink = FileSink(path: path)
    try sink.write("first")
    if othersAppend { try FileDescriptor(open: path, O_WRONLY | O_APPEND).write("other\n".utf8) }
    let line = String(repeating: "x", count: 700)
    for _ in 0..<11 { try sink.write(line) }
    for _ in 0..<2 {
      let error = #expect(throws: Errno.self) { try sink.write(line) }
      #expect(error?.code == ENOSPC)
    }
    var lines = ["first"] + (othersAppend ? ["other"] : []) + Array(repeating: line, count: 11)
    let whole = lines.map { $0 + "\n" }.joined()
    if othersAppend { lines.append(String(repeating: "x", count: 8192 - whole.utf8.count)) }
    #expect(try Files.text(path) == whole + (othersAppend ? lines.last! : ""))
    try call("make room") { mount("tmpfs", folder, "tmpfs", UInt(MS_REMOUNT), "size=64k") }
    try sink.write("end")
    #expect(try Files.text(path) == (lines + ["end"]).map { $0 + "\n" }.joined())
  }
}
