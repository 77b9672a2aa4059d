import Glibc
import System
import Testing

@testable import Try

/// Runs under a profile with this spec, in YAML's flow style.
private func underProfile(_ spec: String, _ arguments: [String]) throws -> Finished {
  let files = try TemporaryFolder()
  let header = "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: tested}\n"
  try Files.write(header + "spec: \(spec)\n", to: files.path + "/tested.yaml")
  return try Finished(["--profile", files.path + "/tested.yaml"] + arguments)
}

private let withoutEcho = "{acceptPartial: true, process: {rules: [{path: /bin/echo, action: Block}]}}"
private let auditedExecs = "{acceptPartial: true, mode: Audit, process: {defaultAction: Block}}"
private let withoutWget =
  "{acceptPartial: true, process: {newExecutables: Block, rules: [{path: /usr/bin/wget, action: Block}]}}"

@Suite(
  "profiles in force", .serialized,
  .enabled(if: canRunContainers && builtProgram != nil, "needs root, runc, busybox-static"))
struct EnforcementTests {
  private static let starts = 200

  @Test("of many starts of a denied program none gets to its first write, and each is told")
  func denied() throws {
    let run = try underProfile(withoutEcho, ["--repeat", "\(Self.starts)", "--", "/bin/echo", "written"])
    #expect(run.output == "")
    #expect(run.error.contains("\(Self.starts) runs: \(Self.starts) with exit status 137\n"))
    let told = run.error.split(separator: "\n").filter { $0.hasPrefix("stockade try: killed exec /bin/echo ") }
    #expect(told.count == Self.starts)
  }

  @Test("of many starts of an allowed program none is killed, and nothing is told")
  func allowed() throws {
    let run = try underProfile(withoutEcho, ["--repeat", "\(Self.starts)", "--", "/usr/bin/printf", "written\\n"])
    #expect(run.output == String(repeating: "written\n", count: Self.starts))
    #expect(run.error == "stockade try: \(Self.starts) runs: \(Self.starts) with exit status 0\n")
  }

  @Test(
    "a denied program is killed whatever way it is started",
    arguments: [
      "/usr/bin/wget --help", "cd /usr/bin && ./wget --help", "/bin/../usr/bin/wget --help",
      "exec -a ls /usr/bin/wget --help; exit 1", "env /usr/bin/wget --help",
      "ln -s /usr/bin/wget /tmp/a; /tmp/a --help",
      "cp /usr/bin/wget /tmp/wget; /tmp/wget --help", "ln /usr/bin/wget /usr/bin/other; /usr/bin/other --help",
      "mv /usr/bin/wget /tmp/wget; /tmp/wget --help", "cp /usr/bin/wget /tmp/ls; chroot /tmp /ls --help",
      "chroot /usr /bin/wget --help", "unshare -m /usr/bin/wget --help", "(/usr/bin/wget --help)",
      "sh -c 'sh -c \"/usr/bin/wget --help\"'", "xargs /usr/bin/wget --help </dev/null",
    ])
  func ways(command: String) throws {
    // Whoever is left says how the last command ended; a shell that became the program itself is killed with it.
    let run = try underProfile(withoutWget, ["--privileged", "--", "sh", "-c", "(\(command)); echo \"ended $?\""])
    #expect(!(run.output + run.error).contains("Usage:"))
    #expect(["ended 137\n", "ended 124\n", "ended 125\n"].contains(run.output), "\(run)")
    #expect(run.error.contains("stockade try: killed exec "))
  }

  @Test("what leaves the container's cgroup stays bound")
  func leftCgroup() throws {
    let leave = """
      for folder in /machine/fs/cgroup /machine/fs/cgroup/*; do
        [ ! -e "$folder/cgroup.procs" ] || echo $$ >"$folder/cgroup.procs"
      done
      tail -n 1 /proc/self/cgroup; /usr/bin/wget --help; echo "ended $?"
      """
    let run = try underProfile(
      withoutWget, ["--privileged", "--hostpid", "--mount", "/sys:/machine", "--", "sh", "-c", leave])
    #expect(run.output == "0::/\nended 137\n")
  }

  @Test("what enters the machine's mount namespace stays bound")
  func leftMountNamespace() throws {
    let run = try underProfile(
      withoutWget,
      ["--privileged", "--hostpid", "--", "sh", "-c", "nsenter -t $PPID -m /bin/true; echo \"ended $?\""])
    #expect(run.output == "ended 137\n")
    #expect(run.error.contains("newExecutables of profile tested"))
  }

  @Test("an exec into the running container is judged as its own programs are")
  func executions() throws {
    let run = try underProfile(
      withoutWget,
      [
        "--exec", "/usr/bin/wget --help", "--exec", "touch /tmp/done", "--", "sh", "-c",
        "until [ -e /tmp/done ]; do sleep 0.05; done",
      ])
    #expect(run.error.contains("exec \"/usr/bin/wget --help\": exit status 137\n"))
    #expect(run.error.contains("exec \"touch /tmp/done\": exit status 0\n"))
  }

  @Test("a connection that no rule allows is refused at once, one that a rule allows is made")
  func connections() throws {
    let spec = """
      {network: {egress: {defaultAction: Block, rules: [{cidr: 127.0.0.1/32, ports: [{port: 8080}], action: Allow}]}}}
      """
    let script = """
      nc -l -p 8080 -e echo served & until netstat -ltn | grep -q :8080; do sleep 0.05; done
      nc 127.0.0.1 8080 </dev/null; nc 127.0.0.1 9090 </dev/null; wait
      """
    let run = try underProfile(spec, ["--", "sh", "-c", script])
    #expect(run.output == "served\n")
    #expect(run.error.contains("nc: can't connect to remote host (127.0.0.1): Operation not permitted"))
    #expect(run.error.contains("stockade try: refused connect 127.0.0.1:9090 (TCP)"))
  }

  @Test("a profile's seccomp section reaches the OCI configuration and the process, at NRI 0.12")
  func seccomp() throws {
    let files = try TemporaryFolder()
    let run = try Finished([
      "--profile", demoProfile, "--nri-version", "0.12", "--keep-config", files.path + "/config.json", "--status",
      files.path + "/status", "--", "mkdir", "/tmp/x",
    ])
    #expect(run.status == 1)
    #expect(run.error.contains("can't create directory '/tmp/x': Operation not permitted"))
    #expect(
      try Files.text(files.path + "/config.json").contains(#""names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO""#))
    #expect(try Files.text(files.path + "/status").contains("Seccomp:\t2\n"))
  }

  @Test("a runtime that would drop the seccomp policy is refused, or warned of under failurePolicy Ignore")
  func oldRuntime() throws {
    let seccomp = "seccomp: {type: RuntimeDefault}"
    let refused = try underProfile("{\(seccomp)}", ["--nri-version", "0.8", "--", "echo", "ran"])
    #expect(refused.status == ExitStatus.notStarted)
    #expect(refused.output == "" && refused.error.contains("profile \"tested\": "))
    let ignored = try underProfile(
      "{failurePolicy: Ignore, \(seccomp)}", ["--nri-version", "0.8", "--", "echo", "ran"])
    #expect(ignored.output == "ran\n" && ignored.error.contains("ignores a seccomp policy"))
  }

  @Test("whatever step is refused, nothing runs unconfined and no process is left", arguments: Step.allCases)
  func steps(step: Step) throws {
    let run = try underProfile(withoutEcho, ["--pod-cgroup", "--refuse", step.rawValue, "--", "/bin/echo", "written"])
    #expect(run.output == "")
    let lateSteps: Set<Step> = [.stop, .remove, .stopPod, .removePod]
    #expect(run.status == (lateSteps.contains(step) ? 137 : ExitStatus.notStarted))
  }

  @Test("of more execs than may be reported each is shown or counted as missing")
  func missing() throws {
    let script = "i=0; while [ $i -lt 1500 ]; do /bin/true; i=$((i + 1)); done; /usr/bin/id >/dev/null"
    let run = try underProfile(auditedExecs, ["--", "sh", "-c", script])
    let lines = run.error.split(separator: "\n")
    func number(before end: String) -> Int? {
      lines.first { $0.hasSuffix(end) }.flatMap { line in
        Int(line.dropLast(end.count).split { !$0.isNumber }.last ?? "")
      }
    }
    let shown = number(before: " times)") ?? 0
    let missing = number(before: " events are not shown: over the rate of 100 a second (eventsDroppedRate)") ?? 0
    let single = lines.filter { $0.hasPrefix("stockade try: audited exec ") && !$0.hasSuffix(" times)") }.count
    #expect(shown + single + missing == 1 + 1500 + 1, "\(run.error)")
  }

  @Test("with -o json each is a record of its own or counted in one, and the last record is the result")
  func records() throws {
    let script = "i=0; while [ $i -lt 600 ]; do /bin/true; i=$((i + 1)); done"
    let run = try underProfile(auditedExecs, ["-o", "json", "--", "sh", "-c", script])
    let records = try #require(try pythonRecords(run.output))
    let missing = records.reduce(0) { sum, record in
      let parts = record.split(separator: "\"eventsDroppedRate\": ")
      return sum + (parts.count < 2 ? 0 : Int(parts[1].prefix { $0.isNumber }) ?? 0)
    }
    #expect(records.filter { $0.contains(#""kind": "exec""#) }.count + missing == 1 + 600)
    #expect(records.last == #"{"exitStatus": 0, "kind": "result", "runs": 1}"#)
    #expect(run.error == "")
  }

  @Test("the plugin's log is among the records")
  func log() throws {
    let spec = "{failurePolicy: Ignore, seccomp: {type: RuntimeDefault}}"
    let run = try underProfile(spec, ["-o", "json", "--nri-version", "0.8", "--", "echo", "ran"])
    let records = try #require(try pythonRecords(run.output))
    #expect(records.contains { $0.contains(#""kind": "log""#) && $0.contains("ignores a seccomp policy") })
    #expect(run.error == "ran\n")
  }

  @Test("the events go to the eventsFile of the configuration as well")
  func eventsFile() throws {
    let files = try TemporaryFolder()
    try Files.write("eventsFile: \(files.path)/deep/events.jsonl\n", to: files.path + "/config.yaml")
    let run = try underProfile(withoutEcho, ["--config", files.path + "/config.yaml", "--", "/bin/echo", "written"])
    #expect(run.status == 137 && run.error.contains("stockade try: killed exec /bin/echo "))
    let records = try #require(try pythonRecords(try Files.text(files.path + "/deep/events.jsonl")))
    #expect(records.count == 1 && records[0].contains(#""effect": "killed""#))
  }

  @Test("beside the profile of --profile there are those of the configuration's folder")
  func profilesFolder() throws {
    let files = try TemporaryFolder()
    let header = "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: bound}\n"
    try Files.makeFolder(files.path + "/profiles")
    try Files.write(header + "spec: \(withoutEcho)\n", to: files.path + "/profiles/bound.yaml")
    let bindings = "bindings: [{namespaces: [try], profile: bound, required: true}]"
    try Files.write("profilesFolder: \(files.path)/profiles\n\(bindings)\n", to: files.path + "/config.yaml")
    let run = try underProfile(
      "{network: {egress: {defaultAction: Block}}}",
      ["--config", files.path + "/config.yaml", "--", "/bin/echo", "written"])
    #expect(run.status == 137 && run.error.contains("of profile bound"))
  }

  @Test("it runs in a chroot whose root is no mount point, and mounts nothing outside of it")
  func chroot() throws {
    let files = try TemporaryFolder()
    let program = try #require(builtProgram)
    let folder = demoProfile.split(separator: "/").dropLast().joined(separator: "/")
    // The machine's folders below a folder of a file system; the working directory is kept, so `demo.yaml` is found.
    let script = """
      set -eu
      for entry in /*; do
        if [ -L "$entry" ]; then cp -P "$entry" "$1$entry"; fi
        [ -d "$entry" ] && [ ! -L "$entry" ] || continue
        mkdir "$1$entry"
        mount --rbind "$entry" "$1$entry"
      done
      mount --make-rshared /
      before=$(wc -l </proc/self/mountinfo)
      chroot "$1" sh -c 'cd "$1" && exec "$2" try --profile demo.yaml -- echo ran' sh "$3" "$2"
      [ "$(wc -l </proc/self/mountinfo)" -eq "$before" ]
      """
    let run = try Finished(
      program: "unshare",
      ["--mount", "--propagation", "private", "sh", "-c", script, "sh", files.path, program, "/" + folder])
    #expect(run.status == 0 && run.output == "ran\n", "\(run)")
  }

  @Test("runs at the same time do not clear away what the others use")
  func together() throws {
    let program = try #require(builtProgram)
    let arguments = [program, "try", "--profile", demoProfile, "--repeat", "3", "--", "true"]
    let runs = try (0..<4).map { _ in try Program.start(arguments) }
    #expect(try runs.map { try Program.wait(for: $0) } == [0, 0, 0, 0])
  }
}
