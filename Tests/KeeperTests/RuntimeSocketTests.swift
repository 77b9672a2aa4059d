import Glibc
import System
import Testing

@testable import Keeper

@Suite struct RuntimeSocketTests {
  @Test("only sockets of the process itself that listen on a path count")
  func listening() {
    let table = """
      Num       RefCount Protocol Flags    Type St Inode Path
      0: 00000002 00000000 00010000 0001 01 11 /run/containerd/containerd.sock
      0: 00000002 00000000 00010000 0001 01 12 /run/nri/nri.sock
      0: 00000003 00000000 00000000 0001 03 13 /run/nri/nri.sock
      0: 00000002 00000000 00010000 0001 01 14 /tmp/of another/nri.sock
      0: 00000002 00000000 00010000 0001 01 15 @abstract
      0: 00000002 00000000 00010000 0001 01 16

      """
    let found = RuntimeSocket.listening(Array(table.utf8), [11, 12, 13, 15, 16])
    #expect(found == ["/run/containerd/containerd.sock", "/run/nri/nri.sock"])
    #expect(ListeningSockets.paths(inTable: Array(table.utf8), of: [14]).map(\.inode) == [14])
  }

  @Test(
    "the usual path is taken, else the only one that speaks of NRI",
    arguments: [
      (["/run/containerd/containerd.sock", "/var/run/nri/nri.sock"], "/var/run/nri/nri.sock"),
      (["/run/nri/nri.sock", "/other/nri.sock"], "/run/nri/nri.sock"),
      (["/run/containerd/containerd.sock.ttrpc", "/run/k3s/my-nri"], "/run/k3s/my-nri"),
      (["/run/nri/containerd.sock"], nil),
      (["/a/nri.sock", "/b/nri.sock"], nil),
      ([], nil),
    ] as [([String], String?)])
  func choose(paths: [String], expected: String?) { #expect(RuntimeSocket.choose(among: paths) == expected) }

  @Test("it is found where the process serves it, and not before, whatever names others make up")
  func served() throws {
    let folder = "/tmp/stockade-nri-\(UInt64.random(in: 0...UInt64.max))"
    try Files.makeFolder(folder)
    let path = "\(folder)/nri.sock"
    defer {
      unlink(path)
      rmdir(folder)
    }
    let socket = try bound(SOCK_STREAM, path.utf8)
    #expect(try !RuntimeSocket.served(by: getpid()).contains(path))
    #expect(listen(socket.number, 1) == 0)
    // Lines of /proc/net/unix that say that the same socket is elsewhere.
    let inode = try socket.status("a socket").st_ino
    let forged = try bound(SOCK_STREAM, "\0\nx: 1 0 00010000 1 1 \(inode) \(folder)/other/nri.sock".utf8)
    try withExtendedLifetime(forged) {
      let found = try RuntimeSocket.served(by: getpid()).filter { $0.hasPrefix(folder) }
      #expect(found == [path])
    }
  }

  @Test("only the runtime itself is taken for it")
  func peer() throws {
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let sockets = ends.map { FileDescriptor(owning: $0) }
    try RuntimeProcess(ProcessHandle(pid: getpid())).check(peerOf: sockets[0])
    let other = try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
    let runtime = RuntimeProcess(try ProcessHandle(pid: other))
    #expect(try runtime.process.pid() == other)
    #expect(throws: Errno.self) { try runtime.check(peerOf: sockets[0]) }
    #expect(!runtime.process.hasEnded)
    kill(other, SIGKILL)
    while !runtime.process.hasEnded {}
    waitpid(other, nil, 0)
    #expect(throws: Errno.self) { try runtime.check(peerOf: sockets[0]) }
  }
}
