import Glibc
import System
import Testing

@testable import Try

@Suite("runs with runc", .serialized, .enabled(if: canRunContainers, "needs root, runc and busybox-static"))
struct RunTests {
  @Test("the plugin sees a container's whole life, and standard output is the command's alone")
  func life() async {
    let printed = await tryRun(["--", "echo", "hello"])
    #expect(printed.output == "hello\n")
    #expect(
      printed.events == [
        "RunPodSandbox", "CreateContainer 0 -1", "ValidateContainerAdjustment without policy", "StartContainer 1 1",
        "StopContainer 4 0", "RemoveContainer 4 -1", "StopPodSandbox", "RemovePodSandbox",
      ])
    #expect(leftovers(of: printed.id) == [])
  }

  @Test(
    "the exit status is the command's",
    arguments: [
      (["true"], 0), (["sh", "-c", "exit 7"], 7), (["nosuch"], 127), (["/etc/passwd"], 126), (["/nosuch"], 127),
    ] as [([String], Int32)])
  func status(command: [String], status: Int32) async { _ = await tryRun(["--"] + command, status: status) }

  @Test(
    "a plugin's refusal ends with 125, its reason, and everything undone",
    arguments: [
      ("RunPodSandbox", ["RunPodSandbox"]),
      (
        "CreateContainer",
        [
          "RunPodSandbox", "CreateContainer 0 -1", "StopContainer 4 -1", "RemoveContainer 4 -1", "StopPodSandbox",
          "RemovePodSandbox",
        ]
      ),
      (
        "StartContainer",
        [
          "RunPodSandbox", "CreateContainer 0 -1", "ValidateContainerAdjustment without policy", "StartContainer 1 1",
          "StopContainer 4 1", "RemoveContainer 4 -1", "StopPodSandbox", "RemovePodSandbox",
        ]
      ),
    ])
  func refusal(call: String, events: [String]) async {
    let printed = await tryRun(["--", "echo", "ran"], status: 125, script: .init(refused: call))
    #expect(printed.output == "")
    #expect(printed.error.contains("the script says no"))
    #expect(printed.events == events)
    #expect(leftovers(of: printed.id) == [])
  }

  @Test("a refused Stop or Remove is told and changes nothing", arguments: ["StopContainer", "RemoveContainer"])
  func refusedEnd(call: String) async {
    let printed = await tryRun(["--", "echo", "ran"], script: .init(refused: call))
    #expect(printed.output == "ran\n")
    #expect(printed.error.contains("the script says no"))
    #expect(leftovers(of: printed.id) == [])
  }

  @Test(
    "--refuse breaks a step after the plugin agreed, and the plugin hears of the end",
    arguments: [
      ("create", ["CreateContainer 0 -1", "StopContainer 4 -1", "RemoveContainer 4 -1"]),
      (
        "validate",
        [
          "CreateContainer 0 -1", "ValidateContainerAdjustment without policy", "StopContainer 4 -1",
          "RemoveContainer 4 -1",
        ]
      ),
      (
        "runc-create",
        [
          "CreateContainer 0 -1", "ValidateContainerAdjustment without policy", "StopContainer 4 -1",
          "RemoveContainer 4 -1",
        ]
      ),
      (
        "start",
        [
          "CreateContainer 0 -1", "ValidateContainerAdjustment without policy", "StartContainer 1 1",
          "StopContainer 4 1", "RemoveContainer 4 -1",
        ]
      ),
      (
        "runc-start",
        [
          "CreateContainer 0 -1", "ValidateContainerAdjustment without policy", "StartContainer 1 1",
          "StopContainer 4 1", "RemoveContainer 4 -1",
        ]
      ),
    ])
  func refusedStep(step: String, events: [String]) async {
    let printed = await tryRun(["--refuse", step, "--", "echo", "ran"], status: 125)
    #expect(printed.output == "")
    #expect(printed.events == ["RunPodSandbox"] + events + ["StopPodSandbox", "RemovePodSandbox"])
    #expect(printed.error.contains("stockade try: refused, as --refuse \(step) asks"))
    #expect(leftovers(of: printed.id) == [])
  }

  @Test(
    "--refuse loses an event of the end",
    arguments: [
      ("stop", "StopContainer"), ("remove", "RemoveContainer"), ("stop-pod", "StopPodSandbox"),
      ("remove-pod", "RemovePodSandbox"),
    ])
  func lostEvent(step: String, event: String) async {
    let printed = await tryRun(["--refuse", step, "--", "echo", "ran"])
    #expect(printed.output == "ran\n")
    #expect(!printed.events.contains { $0.hasPrefix(event) })
    #expect(printed.events.count == 7)
  }

  @Test("--user-namespace: the container's root is somebody else on the machine, and owns the root folder")
  func userNamespace() async {
    let printed = await tryRun(["--user-namespace", "--", "sh", "-c", "cat /proc/self/uid_map && touch /own"])
    #expect(printed.output.split(separator: " ") == ["0", "1000000", "65536\n"])
  }

  @Test(
    "hooks run in the container's file tree: createContainer from the machine's programs, startContainer from its own")
  func hooks() async {
    let printed = await tryRun([
      "--hook", "createContainer:/bin/busybox touch /proc/self/cwd/created", "--hook",
      "startContainer:/bin/touch /started",
      "--", "ls", "/created", "/started",
    ])
    #expect(printed.output == "/created\n/started\n")
  }

  @Test("the policy of the adjustment is in force: the syscall fails, and the init is filtered at Start")
  func policy() async throws {
    let files = try TemporaryFolder()
    let printed = await tryRun(
      ["--status", files.path + "/status", "--keep-config", files.path + "/config.json", "--", "mkdir", "/tmp/x"],
      status: 1, script: .init(deniedSyscall: "mkdir", errnoReturn: UInt32(EACCES)))
    #expect(printed.error.contains("can't create directory '/tmp/x': Permission denied"))
    #expect(printed.events.contains("ValidateContainerAdjustment with policy"))
    #expect(try Files.text(files.path + "/status").contains("Seccomp:\t2\n"))
    #expect(try Files.text(files.path + "/config.json").contains(#""syscalls":[{"names":["mkdir"]"#))
  }

  @Test("a runtime before NRI 0.10 drops the policy silently", arguments: ["0.6", "0.9"])
  func oldRuntime(version: String) async {
    let printed = await tryRun(
      ["--nri-version", version, "--", "mkdir", "/tmp/x"], script: .init(deniedSyscall: "mkdir"))
    #expect(printed.errorLines.contains { $0.hasPrefix("event Configure containerd nri= ") })
    #expect(!printed.events.contains { $0.hasPrefix("Validate") })
  }

  @Test("an errno_ret that would crash a runtime of NRI 0.11 is refused here")
  func crashingPolicy() async {
    let printed = await tryRun(
      ["--nri-version", "0.11", "--", "true"], status: 125, script: .init(deniedSyscall: "mkdir", errnoReturn: 1))
    #expect(printed.error.contains("errno_ret needs NRI 0.12"))
  }

  @Test("the pod has the profile's annotation and those asked for, which win")
  func annotations() async {
    let printed = await tryRun(["--annotation", "a=b", "--", "true"])
    #expect(printed.errorLines.contains("annotation a=b"))
    #expect(printed.errorLines.contains("annotation profile.stockade.dev=scripted"))
    let overridden = await tryRun(["--annotation", "profile.stockade.dev=other", "--", "true"])
    #expect(overridden.errorLines.contains("annotation profile.stockade.dev=other"))
  }

  @Test("--config is the plugin's configuration")
  func configuration() async throws {
    let files = try TemporaryFolder()
    try Files.write("some: text", to: files.path + "/c.yaml")
    let printed = await tryRun(["--config", files.path + "/c.yaml", "--", "true"])
    #expect(printed.error.contains("config=some: text"))
  }

  @Test("what the plugin says was denied comes after the run, with a BPF file system of the run's own")
  func denials() async {
    let printed = await tryRun(["--", "true"])
    let told = printed.errorLines.filter { $0.hasPrefix("stockade try: /run/stockade-try/") }
    #expect(told.count == 1 && told[0].hasSuffix("/bpf is of type bpf"))
  }

  @Test("--exec runs commands in the running container, one after the other")
  func execution() async {
    let printed = await tryRun([
      "--exec", "sh -c 'echo one; exit 3'", "--exec", "touch /tmp/done", "--", "sh", "-c",
      "until [ -e /tmp/done ]; do sleep 0.05; done; echo two",
    ])
    #expect(printed.output == "one\ntwo\n")
    #expect(printed.error.contains("exec \"sh -c echo one; exit 3\": exit status 3\n"))
    #expect(printed.error.contains("exec \"touch /tmp/done\": exit status 0\n"))
  }

  @Test("--timeout kills the command, which counts as killed by SIGKILL")
  func timeout() async {
    let printed = await tryRun(["--timeout", "1", "--", "sleep", "100"], status: 137)
    #expect(printed.error.contains("killed after 1 s, as --timeout asks"))
    #expect(leftovers(of: printed.id) == [])
  }

  @Test("--repeat runs the container in one session and counts the exits")
  func series() async {
    let printed = await tryRun(["--repeat", "3", "--", "sh", "-c", "exit 4"], status: 4)
    #expect(printed.error.contains("stockade try: 3 runs: 3 with exit status 4\n"))
    #expect(printed.events.filter { $0 == "StartContainer 1 1" }.count == 3)
    #expect(printed.errorLines.filter { $0.hasPrefix("event Configure") }.count == 1)
    #expect(leftovers(of: printed.id) == [])
  }

  @Test("--times tells what the plugin's code took")
  func times() async {
    let printed = await tryRun(["--times", "--repeat", "2", "--", "true"])
    #expect(printed.errorLines.contains { $0.hasPrefix("stockade try: StartContainer: 2 calls, median ") })
  }

  @Test(
    "--pod-cgroup puts the container below its pod's cgroup, named as the kubelet does, and both are gone afterwards")
  func podCgroup() async {
    let printed = await tryRun(["--pod-cgroup", "--", "cat", "/proc/self/cgroup"])
    let path = printed.output.split(separator: "\n").first { $0.hasPrefix("0::") }
    #expect(path?.contains("-kubepods/pod") == true)
    #expect(leftovers(of: printed.id) == [])
  }

  @Test("processes that outlive the init are gone afterwards")
  func stragglers() async {
    let printed = await tryRun(["--hostpid", "--", "sh", "-c", "sleep 100 </dev/null >/dev/null 2>&1 & echo $!"])
    #expect(printed.events.contains("StopContainer 4 1"))
    #expect(pid_t(printed.output.dropLast()).map { kill($0, 0) } == -1)
    #expect(leftovers(of: printed.id) == [])
  }

  @Test("so are processes that left for another cgroup and another mount namespace")
  func escaped() async throws {
    let files = try TemporaryFolder()
    let script = """
      for folder in /sys/fs/cgroup /sys/fs/cgroup/*; do
        [ ! -e "$folder/cgroup.procs" ] || echo 0 >"$folder/cgroup.procs"
      done
      grep 0:: /proc/self/cgroup
      sleep 100 </dev/null >/dev/null 2>&1 &
      echo $!
      """
    try Files.write(script, to: files.path + "/escape")
    let printed = await tryRun([
      "--privileged", "--hostpid", "--", "sh", "-c", "nsenter -t $PPID -m sh \(files.path)/escape",
    ])
    let lines = printed.output.split(separator: "\n")
    #expect(lines.first == "0::/")
    #expect(lines.last.flatMap { pid_t($0) }.map { kill($0, 0) } == -1)
    #expect(leftovers(of: printed.id) == [])
  }

  @Test("a changed root file system is the run's own; the image stays as it is")
  func freshRoot() async throws {
    let image = try TemporaryFolder()
    try BusyBox.makeImage(in: image.path)
    let command = "[ ! -e /new ] && echo x >/new && rm /etc/hosts && echo done"
    let printed = await tryRun(["--rootfs", image.path, "--repeat", "2", "--", "sh", "-c", command])
    #expect(printed.output == "done\ndone\n")
    #expect(Files.exists(image.path + "/etc/hosts") && !Files.exists(image.path + "/new"))
  }

  @Test(
    "what cannot be set up ends with 125 and says why",
    arguments: [
      (["--rootfs", "/nosuch"], "/nosuch"),
      (["--runc", "nosuch"], "cannot run nosuch: no such file or directory; name an OCI runtime"),
      (["--runc", "/etc/passwd"], "cannot run /etc/passwd: permission denied; name an OCI runtime"),
      (["--config", "/nosuch"], "cannot open /nosuch"), (["--mount", "/nosuch:/x"], "runc said why"),
    ])
  func impossible(arguments: [String], message: String) async {
    let printed = await tryRun(arguments + ["--", "true"], status: 125)
    #expect(printed.error.contains(message))
  }
}

/// An empty folder that goes with the last reference to it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/stockade-test-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

  deinit { _ = try? Program.run(["rm", "-rf", path]) }
}
