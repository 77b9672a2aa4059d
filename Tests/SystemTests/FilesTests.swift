import Glibc
import System
import Testing

@Suite struct FilesTests {
  @Test("a file as long as the limit is read, a longer one is refused and not cut")
  func limit() throws {
    let path = "/tmp/stockade-files-\(getpid())"
    defer { unlink(path) }
    try Files.write("12345", to: path)
    #expect(try Files.read(path, limit: 5).count == 5)
    let error = #expect(throws: Errno.self) { try Files.read(path, limit: 4) }
    #expect(error?.code == EFBIG)
  }

  @Test("where a regular file is needed, a pipe to which nobody writes is refused at once")
  func regular() throws {
    let path = "/tmp/stockade-pipe-\(getpid())"
    defer { unlink(path) }
    #expect(mkfifo(path, 0o600) == 0)
    let error = #expect(throws: Errno.self) { try Files.readRegular(path, limit: 5) }
    #expect(error?.description == "cannot read \(path), which is no regular file: invalid argument")
    #expect(throws: Errno.self) { try Files.readRegular("/dev/zero", limit: 5) }
  }

  @Test("an error says what was tried, on what, and the kernel's reason")
  func message() {
    let error = #expect(throws: Errno.self) { try Files.read("/no/such/file") }
    #expect(error?.description == "cannot open /no/such/file: no such file or directory")
  }

  @Test("folders are made with those above, and listed in order")
  func folders() throws {
    let folder = "/tmp/stockade-folder-\(getpid())"
    try Files.makeFolder(folder + "/b/c")
    try Files.makeFolder(folder + "/a")
    #expect(try Files.names(in: folder) == ["a", "b"])
    for part in ["/b/c", "/b", "/a", ""] { rmdir(folder + part) }
    #expect(!Files.exists(folder))
  }
}
