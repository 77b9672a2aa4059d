import BPF
import Policy
import System
import Testing

@testable import Events

private let digest = "sha256:" + String(repeating: "0", count: 64)

private let subject = Subject(
  containerID: "c1", containerName: "app", podName: "web-1", podNamespace: "shop",
  podUID: "5a2b1c3d-0000-4000-8000-0123456789ab", image: "nginx:1@\(digest)",
  labels: [PodLabel(name: "app", value: "web")])

private func record(
  _ kind: KernelEvent.Kind, _ effect: KernelEvent.Effect = .refused, subject: Subject? = subject,
  _ change: (inout EventRecord) -> Void = { _ in }
) -> Event {
  var record = EventRecord(
    timeNanoseconds: 1_000_000_001, kind: kind, effect: effect, reason: .rule, subject: subject, cgroupID: CgroupID(7),
    profile: "web", tier: .lsm)
  record.process = .init(pid: 42, parentPID: 41, uid: 1000, comm: "sh")
  change(&record)
  return .record(record)
}

private func line(_ event: Event) -> String { EventLineFormat(.ocsf, node: "n1").line(event) }

@Suite struct OCSFTests {
  @Test("a killed exec is a denied launch")
  func exec() {
    let event = record(.exec, .killed) { record in
      record.rule = .rule(.process, index: 0, argument: nil, location: nil)
      record.tags = ["T1059.004", "team:web"]
      (record.process!.path, record.process!.arguments) = ("/bin/id", ["id", "-u"])
    }
    let container =
      #"{"uid":"c1","name":"app","image":{"uid":"\#(digest)","name":"nginx:1@\#(digest)"},"#
      + #""pod_uuid":"5a2b1c3d-0000-4000-8000-0123456789ab","orchestrator":"kubernetes","labels":["app=web"]}"#
    #expect(
      line(event)
        == #"{"time":1000,"time_dt":"1970-01-01T00:00:01.000000001Z","category_uid":1,"class_uid":1007,"#
        + #""class_name":"Process Activity","activity_id":1,"activity_name":"Launch","type_uid":100701,"#
        + #""severity_id":3,"severity":"Medium","status_id":2,"status":"Failure","status_detail":"rule","#
        + #""message":"killed exec /bin/id (id -u): rule process.rules[0] of profile web","#
        + #""metadata":{"version":"1.4.0","product":{"name":"Stockade","vendor_name":"Stockade"},"#
        + #""profiles":["container","datetime","host","security_control"],"event_code":"exec"},"#
        + #""action_id":2,"action":"Denied","disposition_id":2,"disposition":"Blocked","#
        + #""policy":{"name":"web","is_applied":true},"is_alert":true,"#
        + #""device":{"hostname":"n1","type_id":0,"type":"Unknown"},"#
        + #""attacks":[{"technique":{"uid":"T1059"},"sub_technique":{"uid":"T1059.004"}}],"#
        + #""actor":{"process":{"pid":42,"name":"sh","user":{"uid":"1000"},"parent_process":{"pid":41},"#
        + #""container":\#(container)}},"process":{"pid":42,"name":"id","#
        + #""file":{"name":"id","path":"/bin/id","type_id":1},"cmd_line":"id -u","user":{"uid":"1000"},"#
        + #""parent_process":{"pid":41},"container":\#(container)},"#
        + #""unmapped":{"action":"Block","effect":"killed","#
        + #""pod":{"namespace":"shop","name":"web-1","uid":"5a2b1c3d-0000-4000-8000-0123456789ab","#
        + #""labels":{"app":"web"}},"cgroupId":7,"rule":"process.rules[0]","tags":["T1059.004","team:web"],"#
        + #""tier":"lsm","process":{"argumentsSource":"kernel"}}}"#)
  }

  @Test("a packet that comes in goes from the peer to the container")
  func ingress() {
    let event = record(.ingress, .dropped) { record in
      record.process = nil
      record.peer = .init(address: "fe80::1", port: 5000, localPort: 443, transport: .tcp)
    }
    let text = line(event)
    #expect(text.contains(#""dst_endpoint":{"uid":"c1","name":"app","port":443,"container":{"#))
    #expect(
      text.contains(
        #""src_endpoint":{"ip":"fe80::1","port":5000},"connection_info":{"direction_id":1,"direction":"Inbound","#
          + #""protocol_num":6,"protocol_name":"tcp","protocol_ver_id":6}"#))
    #expect(text.contains(#""type_uid":400106"#) && text.contains(#""disposition":"Dropped""#))
  }

  @Test("a connection of a container that is not known comes from its cgroup, and an ICMP echo has no ports")
  func unknown() {
    let event = record(.connect, subject: nil) { record in
      record.peer = .init(address: "10.0.0.1", port: 0, localPort: 9, transport: .icmp)
    }
    let text = line(event)
    #expect(text.contains(#""src_endpoint":{"uid":"cgroup:7"},"dst_endpoint":{"ip":"10.0.0.1"}"#))
    #expect(text.contains(#""peer":{"port":0,"localPort":9}"#))
  }

  @Test(
    "tags of ATT&CK become attacks, and no others",
    arguments: [
      ("T1059", #"[{"technique":{"uid":"T1059"}}]"#), ("TA0002", #"[{"tactic":{"uid":"TA0002"}}]"#),
      ("T1059.004", #"[{"technique":{"uid":"T1059"},"sub_technique":{"uid":"T1059.004"}}]"#), ("t1059", nil),
      ("T105", nil), ("T10591", nil), ("T1059.", nil), ("T1059.04", nil), ("T1059.004.1", nil), ("TA0002.001", nil),
      (".", nil), ("TAAAAA", nil), ("T105a", nil), ("team:T1059", nil),
    ])
  func attacks(tag: String, attacks: String?) {
    let text = line(record(.kernel) { $0.tags = [tag] })
    #expect(text.contains("\"attacks\":") == (attacks != nil))
    if let attacks {
      // Beside the record's own, those of the finding.
      #expect(text.ranges(of: "\"attacks\":\(attacks)").count == 2)
    }
    #expect(text.contains(#""tags":["\#(tag)"]"#))
  }

  @Test(
    "a command line has the arguments as a shell reads them",
    arguments: [
      (["sh", "-c", "id -u"], "sh -c 'id -u'"), (["a", ""], "a ''"), (["it's"], #"'it'\\''s'"#),
      (["a\nb"], #"'a\nb'"#), (["--x=/a:b,c@d%e+f.g_h"], "--x=/a:b,c@d%e+f.g_h"), (["é"], "'é'"),
      (["$(id)"], "'$(id)'"),
    ])
  func commandLine(arguments: [String], text: String) {
    let line = line(record(.exec) { $0.process?.arguments = arguments })
    #expect(line.contains(#""cmd_line":"\#(text)","#), "\(line)")
  }

  @Test("what has no UUID, no image and no container has no empty objects")
  func missing() {
    let pod = Subject(
      containerID: "", containerName: "", podName: "p", podNamespace: "", podUID: "0123456789abcdef", image: "")
    let text = line(record(.kernel, subject: pod))
    #expect(!text.contains("\"container\":{\"uid") && !text.contains("pod_uuid") && !text.contains("\"image\":{"))
    #expect(text.contains(#""pod":{"namespace":"","name":"p","uid":"0123456789abcdef"}"#))
  }

  @Test("each finding has an id of its own, and the same one wherever it is written")
  func findingIDs() {
    func id(_ event: Event) -> Substring {
      let text = line(event)
      return text[text.ranges(of: #""finding_info":{"uid":""#)[0].upperBound...].prefix { $0 != "\"" }
    }
    let first = record(.kernel), second = record(.kernel) { $0.process?.pid = 43 }
    #expect(id(first) == id(first) && id(first) != id(second))
    #expect(id(first).hasPrefix("n1/kernel/1000000001/"))
  }

  @Test("a node has the name of the configuration, else the machine's")
  func nodeName() {
    var configuration = NodeConfiguration()
    #expect(EventLineFormat(configuration).node == EventLineFormat.machineName && !EventLineFormat.machineName.isEmpty)
    (configuration.nodeName, configuration.eventsFormat) = ("n7", .ocsf)
    #expect(EventLineFormat(configuration) == EventLineFormat(.ocsf, node: "n7"))
    let loss = Event.tierLowered(TierLoss(timeNanoseconds: 0, from: .lsm, to: .signal, reason: "r"))
    #expect(EventLineFormat(node: "n7").line(loss).hasSuffix(#""reason":"r","node":"n7"}"#))
  }
}
