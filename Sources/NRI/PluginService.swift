import System
import TTRPC

/// The plugin's half without its socket: bytes come in, messages go out, and the handler stands in between.
final class PluginService {
  private let handler: any PluginHandler
  private let observer: (any CallObserver)?
  private var decoder = TrunkDecoder(longCalls: true)
  private var plugin: PluginStateMachine
  private(set) var wasShutDown = false

  init(
    name: String, index: String, handler: any PluginHandler, observer: (any CallObserver)? = nil
  ) throws(NRIError) {
    (self.handler, self.observer) = (handler, observer)
    plugin = try PluginStateMachine(name: name, index: index)
  }

  /// Must be sent first, on `Connection.runtime`.
  var registration: Message { plugin.registration }

  /// Handles bytes from the socket, which may be cut anywhere. Each answer is sent, on `Connection.plugin`, before the
  /// next message is looked at.
  func receive(_ bytes: ArraySlice<UInt8>, send: (Message) throws(NRIError) -> Void) throws(NRIError) {
    let received: [TrunkDecoder.Received]
    do { received = try decoder.receive(bytes) } catch { throw .wire(error) }
    for message in received {
      switch try plugin.receive(message, needs: handler.needs) {
      case .nothing: break
      case .send(let message): try send(message)
      case .refuseSynchronize(let message, let reason):
        handler.cannotSynchronize(reason)
        try send(message)
      case .handle(let call, let stream): try send(answer(call, stream))
      }
    }
  }

  /// On a node with many pods the list of what runs takes much memory, and it is not needed again.
  private func giveBackMemory(after call: PluginCall) {
    if case .synchronize = call { Memory.giveBack() }
  }

  /// Whether the runtime has said what runs, or has gone on to events without saying it.
  var wasTold: Bool { plugin.wasTold }

  /// Call it at the session's end, whatever the reason.
  func end() {
    if plugin.state == .configured, !plugin.wasTold, !wasShutDown { handler.endedUntold() }
  }

  /// Call it when the socket has ended.
  func finish() throws(NRIError) {
    do { try decoder.finish() } catch { throw .wire(error) }
  }

  private func answer(_ call: PluginCall, _ stream: UInt32) -> Message {
    defer { giveBackMemory(after: call) }
    do { return plugin.answer(call, stream: stream, try observed(call)) } catch {
      return plugin.failure(stream: stream, "\(error)")
    }
  }

  private func observed(_ call: PluginCall) throws -> PluginAnswer {
    guard let observer else { return try handle(call) }
    return try observer.during(call) { try handle(call) }
  }

  private func handle(_ call: PluginCall) throws -> PluginAnswer {
    switch call {
    case .configure(let configuration): return .events(try handler.configure(configuration))
    case .synchronize(let pods, let containers, _):
      try handler.synchronize(pods: pods, containers: containers)
      return .synchronized(more: false)
    case .containerEvent(.createContainer, let pod, let container):
      return .policy(try handler.createContainer(pod: pod, container: container))
    case .containerEvent(let event, let pod, let container): try handle(event, pod, container)
    case .podEvent(let event, let pod): try handle(event, pod)
    case .validate(let pod, let container, let policy):
      try handler.validateContainerAdjustment(pod: pod, container: container, policy: policy)
    case .shutdown:
      wasShutDown = true
      handler.shutdown()
    case .unused: break
    }
    return .empty
  }

  private func handle(_ event: Event, _ pod: PodSandbox) throws {
    switch event {
    case .runPodSandbox: try handler.runPodSandbox(pod)
    case .stopPodSandbox: try handler.stopPodSandbox(pod)
    case .removePodSandbox: try handler.removePodSandbox(pod)
    default: break
    }
  }

  private func handle(_ event: Event, _ pod: PodSandbox, _ container: Container) throws {
    switch event {
    case .startContainer: try handler.startContainer(pod: pod, container: container)
    case .stopContainer: try handler.stopContainer(pod: pod, container: container)
    case .removeContainer: try handler.removeContainer(pod: pod, container: container)
    default: break
    }
  }
}
