import BPF
import Compilation
import Enforcement
import Glibc
import Policy
import PolicyTesting
import Synchronization
import System
import Testing

/// One text of a profile takes the place of the other as fast as the kernel's tables can be written, while ten
/// processes of the container act. Each text allows the same acts as the other, by other means: one by its default, the
/// other by a rule. What is judged by the rules of one text and the default of the other comes out wrong.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct ReplacementStormTests {
  private static let seconds = 2, actors = 10

  @Test("no exec and no connection is judged by parts of two texts")
  func execsAndConnections() throws {
    let bench = try ExecBench()
    try Storm(bench).check(["execs", "connections"])
  }

  @Test(
    "no open is judged by parts of two texts", .enabled(if: Self.canRefuse, "no program of tier lsm can be loaded here")
  )
  func opens() throws {
    let bench = try ExecBench(judging: Self.judging)
    try Storm(bench).check(["execs", "connections", "opens"])
  }

  private static let canRefuse = (try? ExecBench(judging: judging)) != nil

  private static func judging(_ policy: PolicyMaps) throws {
    try policy.refuse(by: .lsm)
    try policy.judgeExecs(filesAreJudged: true)
  }

  /// A container, its programs, and its two texts.
  private final class Storm {
    let bench: ExecBench
    let world: ExecWorld
    let programs: NetworkPrograms
    let tables: NetworkTables
    let texts: [CompiledPolicy]
    let actor: PythonActor
    let kept, refused: String
    private static let keptPort: UInt16 = 1001, refusedPort: UInt16 = 1002

    init(_ bench: ExecBench) throws {
      self.bench = bench
      programs = try NetworkPrograms(
        shared: bench.policy.shared, pinFolder: bench.folder, rootCgroupPath: NetworkBench.cgroupRoot)
      tables = try NetworkTables(shared: bench.policy.shared)
      world = try ExecWorld(bench)
      (kept, refused) = (try world.program("kept"), try world.program("refused"))
      let ports = Self.keptPort...Self.keptPort, others = Self.refusedPort...Self.refusedPort
      texts = try [
        Self.text(.block, .path(kept, .allow), .rule(.allow, nil, udp: ports)),
        Self.text(.allow, .path(refused, .block), .rule(.block, nil, udp: others)),
      ]
      actor = try PythonActor(launcher: ["unshare", "-n"], prelude: Self.prelude + ExecActor.prelude)
      actor.run("private()")
      actor.run("os.system('ip link set lo up')")
    }

    deinit {
      actor.end()
      try? programs.removeAll()
    }

    private static func text(_ action: Action, _ path: PathRule, _ peer: NetworkRule) throws -> CompiledPolicy {
      var profile = Profile(name: "test", file: "test.yaml")
      profile.process = .section(action, path)
      var files = FileSection()
      (files.defaultAction, files.rules) = (action, [path])
      profile.fileAccess = files
      profile.network.egress = .section(action, peer)
      return try PolicyCompiler.compile(profile)
    }

    /// Gives the container the text of this number in the place of that of `old`.
    private func put(_ number: Int, after old: Revision?) throws -> Revision {
      let text = texts[number % 2], revision = bench.nextRevision()
      try tables.install(text, revision: revision)
      try bench.policy.install(text, revision: revision)
      try world.enter(revision: revision)
      if let old { try remove(old) }
      return revision
    }

    private func remove(_ revision: Revision) throws {
      try bench.policy.removePolicy(revision)
      try tables.remove([revision])
    }

    func check(_ acts: [String]) throws {
      // The second text lets the actor begin: it blocks only what it names.
      var revision = try put(1, after: nil)
      defer { try? remove(revision) }
      try programs.attach(cgroupPath: world.cgroupPath, cgroupID: world.cgroupID, needs: NetworkNeeds(texts[0]))
      #expect(actor.run("join('\(world.cgroupPath)')") == "ok")
      #expect(actor.run("become()") == "ok")
      let isOver = Atomic(false)
      let answer = Mutex("")
      let line =
        "storm(\(ReplacementStormTests.seconds), \(ReplacementStormTests.actors), \(acts), '\(kept)', '\(refused)', \(Self.keptPort), \(Self.refusedPort))"
      let box = ActorBox(actor)
      let thread = try Thread {
        let text = box.actor.run(line)
        answer.withLock { $0 = text }
        isOver.store(true, ordering: .releasing)
      }
      var swaps = 0
      while !isOver.load(ordering: .acquiring) {
        revision = try put(swaps, after: revision)
        swaps += 1
      }
      thread.join()
      let counts = answer.withLock { $0 }.split(separator: " ").compactMap { Int($0) }
      try #require(counts.count == acts.count + 1, "\(answer.withLock { $0 })")
      print(
        "storm: \(swaps) texts in \(ReplacementStormTests.seconds) s;",
        zip(acts, counts).map { "\($1) \($0)" }.joined(separator: ", "))
      #expect(swaps > 0 && counts.dropLast().allSatisfy { $0 > 0 })
      #expect(counts.last == 0, "acts that came out wrong")
    }

    /// Lets a thread use the actor while nobody else does.
    private final class ActorBox: @unchecked Sendable {
      let actor: PythonActor
      init(_ actor: PythonActor) { self.actor = actor }
    }

    /// `storm` answers the counts of each act, and how many of all came out wrong. The imports come before the answer
    /// of `become()`: the first text lets nothing be read.
    private static let prelude = """
      import time
      import socket as sockets

      def outcome(act):
          try: return act()
          except OSError as error: return error.errno

      def executed(path):
          with open('/dev/null', 'w') as null:
              output = (os.POSIX_SPAWN_DUP2, null.fileno(), 1)
              pid = os.posix_spawn(path, [path], {}, file_actions=[output])
          return os.waitpid(pid, 0)[1]

      def connected(port):
          with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as one: one.connect(('127.0.0.1', port))
          return 0

      def opened(path):
          os.close(os.open(path, os.O_RDONLY))
          return 0

      def act(name, tried, seconds):
          (allowed, denied), done, wrong = tried[name], 0, 0
          until = time.monotonic() + seconds
          while time.monotonic() < until:
              wrong += (outcome(allowed) != 0) + (outcome(denied) == 0)
              done += 2
          return f'{name} {done} {wrong}'

      def storm(seconds, count, acts, kept, refused, kept_port, refused_port):
          tried = {
              'execs': (lambda: executed(kept), lambda: executed(refused)),
              'connections': (lambda: connected(kept_port), lambda: connected(refused_port)),
              'opens': (lambda: opened(kept), lambda: opened(refused)),
          }
          children = []
          for number in range(count):
              end, out = os.pipe()
              pid = os.fork()
              if pid == 0:
                  # Whatever goes wrong, the child ends: it must not go on as the actor.
                  try: os.write(out, act(acts[number % len(acts)], tried, seconds).encode())
                  finally: os._exit(0)
              os.close(out)
              children.append((pid, end))
          counts, wrong = dict.fromkeys(acts, 0), 0
          for pid, end in children:
              name, done, bad = everything(end).decode().split()
              os.waitpid(pid, 0)
              counts[name] += int(done)
              wrong += int(bad)
          return ' '.join(str(number) for number in [*counts.values(), wrong])

      """
  }
}
