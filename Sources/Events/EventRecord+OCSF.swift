import BPF
import Policy
import System

extension EventRecord {
  /// One denied or audited action in OCSF.
  var ocsf: OCSFContent {
    let activity = ocsfActivity
    let isFinding = activity.ofClass == .detectionFinding
    var content = OCSFContent(
      timeNanoseconds: timeNanoseconds, kind: kind.rawValue, activity: activity, severity: ocsfSeverity,
      // The kernel asks before it acts, so of what went on nobody knows how it ended.
      status: isFinding ? .new : effect == .audited ? .unknown : .failure, statusDetail: reason.word, message: summary,
      control: ocsfControl, isAlert: effect != .audited, title: isFinding ? ocsfTitle : nil, profile: profile,
      rule: rule?.text, tags: tags)
    content.said = ["reason", "container", "image", "imageDigest", "profile"]
    switch activity.ofClass {
    case .processActivity: addProcessActivity(to: &content)
    case .fileActivity: addFileActivity(to: &content)
    case .networkActivity: addNetworkActivity(to: &content)
    case .detectionFinding: addFinding(to: &content)
    }
    // Without an object for it, the container is where Stockade's own record has it.
    if OCSFObject.container(subject) == nil { content.said.remove("container") }
    return content
  }

  /// An activity without what its class requires is a finding.
  private var ocsfActivity: OCSFActivity {
    switch kind {
    case .exec where process != nil: .launchProcess
    case .trace where process != nil && target != nil: .openProcess
    case .map where process != nil: .mapFile
    case .file where process != nil:
      switch file?.access {
      case [.read]: .readFile
      case [.write]: .updateFile
      default: .openFile
      }
    case .connect: .openConnection
    case .sendmsg, .egress, .ingress: .traffic
    case .bind: .listen
    case .exec, .map, .file, .trace, .socket, .left, .kernel, .protected, .syscall: .createFinding
    }
  }

  private var ocsfSeverity: OCSFSeverity {
    switch kind {
    case .protected: .high
    case .left: .low
    case .exec, .map, .file, .connect, .sendmsg, .bind, .egress, .ingress, .socket, .kernel, .trace, .syscall:
      effect == .audited ? .informational : .medium
    }
  }

  private var ocsfControl: OCSFControl {
    switch effect {
    case .audited: .logged
    case .refused, .killed: .blocked
    case .dropped: .dropped
    }
  }

  private var ocsfTitle: String {
    switch kind {
    case .exec: "Program executed"
    case .map: "Code mapped"
    case .file: "File accessed"
    case .connect, .sendmsg, .bind, .egress, .ingress: "Network used"
    case .socket: "Socket made outside the container's cgroup"
    case .left: "Container's cgroup left"
    case .kernel: "Restricted part of the kernel used"
    case .trace: "Process of another container traced"
    case .protected: "Access to what is Stockade's"
    case .syscall: "System call denied by a filter"
    }
  }

  // MARK: The classes

  private func addProcessActivity(to content: inout OCSFContent) {
    guard let process else { return }
    if kind == .exec {
      content.members = [
        ("actor", ["process": caller(process, hasArguments: false)]), ("process", launched(process)),
      ]
      content.said.formUnion(Self.saidOfProcess + ["process.path"])
    } else {
      content.members = [("actor", ["process": caller(process)])]
      content.said.formUnion(Self.saidOfProcess)
      if let target { addTarget(target, to: &content.members, &content.said) }
    }
  }

  private func addFileActivity(to content: inout OCSFContent) {
    guard let process else { return }
    content.members = [("actor", ["process": caller(process)]), ("file", OCSFObject.file(file?.path))]
    content.said.formUnion(Self.saidOfProcess + ["file.path"])
  }

  private func addNetworkActivity(to content: inout OCSFContent) {
    if let process {
      content.members = [("actor", ["process": caller(process)])]
      content.said.formUnion(Self.saidOfProcess)
    }
    let isIncoming = kind == .bind || kind == .ingress
    let (own, other) = isIncoming ? ("dst_endpoint", "src_endpoint") : ("src_endpoint", "dst_endpoint")
    content.members.append((own, ownEndpoint))
    guard let peer else { return }
    // Of a bind the address is the container's own.
    if kind != .bind { content.members.append((other, Self.endpoint(peer.address, peer.hasPorts ? peer.port : 0))) }
    let version: JSON = peer.address.contains(":") ? 6 : 4
    content.members.append(
      (
        "connection_info",
        [
          "direction_id": isIncoming ? 1 : 2, "direction": isIncoming ? "Inbound" : "Outbound",
          "protocol_num": .integer(Int64(peer.transport.protocolNumber)),
          "protocol_name": .string(peer.transport.word.lowercased()), "protocol_ver_id": version,
        ]
      ))
    content.said.formUnion(["peer.address", "peer.protocol"])
    // Of an ICMP echo it is no port.
    if peer.hasPorts { content.said.formUnion(kind == .bind ? ["peer.localPort"] : ["peer.port", "peer.localPort"]) }
  }

  private func addFinding(to content: inout OCSFContent) {
    var evidence: [(String, JSON)] = []
    if let process {
      evidence.append(("actor", ["process": caller(process)]))
      content.said.formUnion(Self.saidOfProcess)
    }
    if let target { addTarget(target, to: &evidence, &content.said) }
    content.said.insert("rule")
    // An evidence must have more than a container.
    if evidence.isEmpty { evidence.append(("data", ["cgroupId": .unsigned(cgroupID.number)])) }
    if let container = OCSFObject.container(subject) { evidence.append(("container", container)) }
    content.members = [("evidences", [.object(evidence)])]
  }

  // MARK: Objects

  /// Members of `process` that `caller` says.
  private static let saidOfProcess = [
    "process.pid", "process.parentPid", "process.uid", "process.comm", "process.arguments",
  ]

  /// The process that tried it.
  private func caller(_ process: Process, hasArguments: Bool = true) -> JSON {
    var members: [(String, JSON)] = [("pid", .unsigned(UInt64(process.pid)))]
    if !process.comm.isEmpty { members.append(("name", .string(process.comm))) }
    if hasArguments { members += Self.commandLine(process) }
    return .object(members + surroundings(process))
  }

  /// The process as it would be, or is, after its exec.
  private func launched(_ process: Process) -> JSON {
    var members: [(String, JSON)] = [("pid", .unsigned(UInt64(process.pid)))]
    if let path = process.path {
      members += [("name", .string(OCSFObject.name(of: path))), ("file", OCSFObject.file(path, type: .regular))]
    }
    return .object(members + Self.commandLine(process) + surroundings(process))
  }

  private static func commandLine(_ process: Process) -> [(String, JSON)] {
    process.arguments.isEmpty ? [] : [("cmd_line", .string(OCSFObject.commandLine(process.arguments)))]
  }

  private func surroundings(_ process: Process) -> [(String, JSON)] {
    var members: [(String, JSON)] = [("user", OCSFObject.user(process.uid))]
    if process.parentPID != 0 { members.append(("parent_process", ["pid": .unsigned(UInt64(process.parentPID))])) }
    if let container = OCSFObject.container(subject) { members.append(("container", container)) }
    return members
  }

  private func addTarget(_ target: Target, to members: inout [(String, JSON)], _ said: inout Set<String>) {
    var process: [(String, JSON)] = [("pid", .unsigned(UInt64(target.pid)))]
    said.formUnion(["target.pid"])
    if let container = OCSFObject.container(target.subject) {
      process.append(("container", container))
      said.formUnion(["target.container", "target.image", "target.imageDigest"])
    }
    members.append(("process", .object(process)))
  }

  /// The container's end of a connection. Its address is not known, but for a bind.
  private var ownEndpoint: JSON {
    var members = OCSFObject.entity(subject?.containerID ?? "", subject?.containerName ?? "")
    if members.isEmpty { members.append(("uid", .string("cgroup:\(cgroupID.number)"))) }
    if let peer {
      if kind == .bind { members.append(("ip", .string(peer.address))) }
      if peer.hasPorts, peer.localPort != 0 { members.append(("port", .unsigned(UInt64(peer.localPort)))) }
    }
    if let container = OCSFObject.container(subject) { members.append(("container", container)) }
    return .object(members)
  }

  private static func endpoint(_ address: String, _ port: UInt16) -> JSON {
    .object([("ip", .string(address))] + (port == 0 ? [] : [("port", .unsigned(UInt64(port)))]))
  }
}
