import Glibc
import System

/// A Python process that runs one line after the other and answers each: `ok` or the value, an errno's name, `timeout`.
final class PythonActor {
  private let pid: pid_t
  private let stream: FileDescriptor
  private var rest: [UInt8] = []
  private var hasEnded = false
  /// Longer than any line takes; an actor that does not answer fails its test.
  private static let answerSeconds = 30

  var processID: Int32 { pid }

  /// - Parameters:
  ///   - launcher: put in front: `unshare -n`, or `nsenter --net=…`.
  ///   - prelude: what the lines can call.
  init(launcher: [String], prelude: String = PythonActor.prelude) throws {
    var ends: [Int32] = [0, 0]
    try call("make a socket pair") { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &ends) }
    stream = FileDescriptor(owning: ends[0])
    var patience = timeval(tv_sec: Self.answerSeconds, tv_usec: 0)
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let childEnd = FileDescriptor(owning: ends[1])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, childEnd.number, 0)
    posix_spawn_file_actions_adddup2(&actions, childEnd.number, 1)
    let words = launcher + ["/usr/bin/python3", "-u", "-c", prelude + Self.loop]
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
    pid = child
    if code != 0 { throw Errno(code, "start \(words[0])") }
  }

  deinit { end() }

  /// Ends the process; again: nothing.
  func end() {
    if hasEnded { return }
    hasEnded = true
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// Runs one line of Python and returns its answer.
  @discardableResult
  func run(_ line: String) -> String {
    if hasEnded { return "ended" }
    do {
      try stream.write(Array("\(line)\n".utf8))
      return try answer()
    } catch {
      return "\(error)"
    }
  }

  private func answer() throws -> String {
    while true {
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        defer { rest.removeFirst(end + 1) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      let part = try stream.read(atMost: 65536)
      if part.isEmpty {
        // Its last word: another line would only raise SIGPIPE here.
        end()
        throw Errno(EPIPE, "read the actor's answer")
      }
      rest += part
    }
  }

  static let prelude = """
    import errno, os, struct, subprocess, sys, time
    from socket import *
    from socket import timeout as Timeout

    setdefaulttimeout(0.5)

    def join(path):
        open(path + '/cgroup.procs', 'w').write(str(os.getpid()))

    def prepare():
        lines = ['link set lo up']
        for n in range(1, 10):
            lines += [f'addr add 10.9.0.{n}/32 dev lo', f'addr add fd00:9::{n}/128 dev lo nodad']
        subprocess.run(['ip', '-batch', '-'], input='\\n'.join(lines), text=True, check=True)

    def made(s, local):
        s.settimeout(0.5)
        s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        if local: s.bind(local)
        return s

    def tcp(local=None, family=AF_INET): return made(socket(family, SOCK_STREAM), local)
    def udp(local=None, family=AF_INET): return made(socket(family, SOCK_DGRAM), local)
    def listen(local, family=AF_INET):
        s = tcp(local, family)
        s.listen(64)
        return s
    def raw(protocol, family=AF_INET): return made(socket(family, SOCK_RAW, protocol), None)

    def connect(remote, local=None, family=AF_INET):
        s = tcp(local, family)
        s.connect(remote)
        return s

    def ip4(destination, protocol, payload, source='10.9.0.1', fragment=0, options=b'', version=4):
        return struct.pack('!BBHHHBBH4s4s', version << 4 | 5 + len(options) // 4, 0, 20 + len(options) + len(payload), 7, fragment, 64,
            protocol, 0, inet_aton(source), inet_aton(destination)) + options + payload
    def ip6(destination, next, payload, source='fd00:9::1', version=6):
        return struct.pack('!IHBB16s16s', version << 28, len(payload), next, 64, inet_pton(AF_INET6, source),
            inet_pton(AF_INET6, destination)) + payload
    def ports(source, destination, more=b'\\0\\x0c\\0\\0data'): return struct.pack('!HH', source, destination) + more
    def sum16(b):
        n = sum(struct.unpack(f'!{len(b) // 2}H', b))
        n = (n >> 16) + (n & 0xffff)
        return 0xffff - (n + (n >> 16) & 0xffff)
    def address(text): return inet_pton(AF_INET6 if ':' in text else AF_INET, text)
    def syn(source, port, destination, to):
        head = struct.pack('!HHIIBBH', port, to, 1, 0, 0x50, 2, 999)
        return head + struct.pack('!HH', sum16(address(source) + address(destination) + struct.pack('!II', 20, 6) + head), 0)
    def inject4(destination, packet): return raw(IPPROTO_RAW).sendto(packet, (destination, 0))
    def inject6(destination, packet): return raw(IPPROTO_RAW, AF_INET6).sendto(packet, (destination, 0))
    def watch(device):
        s = made(socket(AF_PACKET, SOCK_DGRAM, 0), None)
        s.bind((device, 3))
        return s
    def flags(s):
        while True:
            p = s.recv(99)
            if p[0] >> 4 == 4 and p[9] == 6: return p[33]
            if p[0] >> 4 == 6 and p[6] == 6: return p[53]
    def echo(identifier, type=8): return struct.pack('!BBHHH', type, 0, 0xffff - (type << 8) - identifier - 1, identifier, 1)

    """

  private static let loop = """
    import errno, sys
    from socket import socket, timeout as Timeout

    for line in sys.stdin:
        try:
            try: code = compile(line.strip(), 'line', 'eval')
            except SyntaxError: code = compile(line.strip(), 'line', 'exec')
            value = eval(code, globals())
            answer = 'ok' if value is None or isinstance(value, socket) else str(value)
        except Timeout: answer = 'timeout'
        except OSError as error: answer = errno.errorcode.get(error.errno, str(error))
        except Exception as error: answer = repr(error)
        print(answer)
    """
}
