@testable import TTRPC

@testable import NRI

extension Target {
  private static let methods =
    [Method.configure, Method.synchronize, Method.shutdown, Method.stateChange] + Event.allCases.map(\.method)

  /// The payloads of NRI's messages. The first byte says of which.
  static let nri = Target(
    name: "nri",
    samples: {
      Captured.calls.compactMap { call in
        methods.firstIndex(of: call.method).map { [UInt8($0)] + call.payload }
      }
    }
  ) { input in
    let (choice, rest) = input.choice()
    let payload = Array(rest)
    switch choice {
    case 0..<methods.count:
      if let call = try? PluginCall(method: methods[choice], payload: payload) { writeAgain(call, methods[choice]) }
      if methods[choice] == Method.synchronize { readInParts(payload) }
    case 32:
      guard let registration = try? Registration(decoding: payload) else { return }
      require((try? Registration(decoding: registration.encoded())) == registration, "\(registration)")
    case 33:
      // What a plugin answers with a policy is what the runtime reads.
      guard let policy = try? RuntimeReading.policy(payload) else { return }
      require((try? RuntimeReading.policy(PluginAnswer.policy(policy).encoded())) == policy, "\(policy)")
    case 34: _ = try? RuntimeReading.rejection(payload)
    case 35:
      guard let events = try? RuntimeReading.events(payload) else { return }
      require((try? RuntimeReading.events(PluginAnswer.events(events).encoded())) == events, "\(events)")
    default: break
    }
  }

  /// A call that is written and read is the same call.
  private static func writeAgain(_ call: PluginCall, _ method: String) {
    let payload: [UInt8]
    switch call {
    case .configure(let configuration):
      payload = configuration.encoded()
      _ = (configuration.features, configuration.filterReport)
    case .synchronize(let pods, let containers, let more):
      payload = RuntimeWriting.synchronize(pods: pods, containers: containers, more: more)
    case .podEvent(let event, let pod):
      payload =
        method == Method.stateChange ? RuntimeWriting.stateChange(event, pod, nil) : RuntimeWriting.event(pod, nil)
    case .containerEvent(let event, let pod, let container):
      payload =
        method == Method.stateChange
        ? RuntimeWriting.stateChange(event, pod, container) : RuntimeWriting.event(pod, container)
    case .validate(let pod, let container, let policy): payload = RuntimeWriting.validate(pod, container, policy)
    case .shutdown, .unused: return
    }
    let again = try? PluginCall(method: method, payload: payload)
    require(again == call, "\(method) is another one when it is written and read: \(call)\n\(again as Any)")
  }

  /// A Synchronize that comes in pieces tells the same pods and containers. If only some annotations are needed, there
  /// are as many of them, with the same ids.
  private static func readInParts(_ payload: [UInt8]) {
    let whole = synchronized(payload, step: payload.count, .everything)
    let bytewise = synchronized(payload, step: 1, .everything)
    require(whole?.pods == bytewise?.pods && whole?.containers == bytewise?.containers, "cut, it tells others")
    let needs = ObjectNeeds(
      annotations: ["profile.stockade.dev"], containerAnnotations: ["io.kubernetes.cri.image-name"], labels: ["app"])
    guard let some = synchronized(payload, step: 3, needs), let whole else { return }
    require(some.pods.map(\.id) == whole.pods.map(\.id), "pods are missing")
    require(some.containers.map(\.id) == whole.containers.map(\.id), "containers are missing")
    for (pod, all) in zip(some.pods, whole.pods) where pod.annotations != [needs.substitute: ""] {
      let needed = all.annotations.filter { needs.takesAnnotation(Array($0.key.utf8)[...], of: .pod) }
      require(pod.annotations == needed, "\(pod.annotations) are not \(needed)")
    }
  }

  private static func synchronized(_ payload: [UInt8], step: Int, _ needs: ObjectNeeds) -> SynchronizeReader? {
    var reader = SynchronizeReader(needs: needs, length: payload.count)
    var rest = payload[...]
    do throws(NRIError) {
      while !rest.isEmpty {
        try reader.receive(rest.prefix(step))
        rest = rest.dropFirst(step)
      }
      try reader.finish()
    } catch { return nil }
    return reader
  }
}
