@testable import NRI
@testable import TTRPC

extension Target {
  /// A whole session, from the plugin's side. Each call gets one answer, which a runtime can read, and nothing else is
  /// sent.
  static let session = Target(name: "session", samples: { Captured.trunks }) { input in
    let handler = Answering()
    guard let service = try? PluginService(name: "fuzz", index: "10", handler: handler) else { return }
    var answered: [UInt32] = []
    do {
      try service.receive(input[...]) { message in
        require(message.header.kind == .response, "the plugin sends a \(message.header.kind)")
        require((try? Response(decoding: message.body)) != nil, "an answer cannot be read")
        answered.append(message.header.stream)
      }
      try service.finish()
    } catch {}
    service.end()
    require(answered.count <= asked(input), "more answers than calls")
    require(handler.isConfigured || handler.calls == 0, "the handler was told something before Configure")
  }

  private static func asked(_ bytes: [UInt8]) -> Int {
    var (frames, messages, count) = (FrameDecoder(longCalls: true), MessageFramer(takesLong: true), 0)
    // Bytes that are refused end the session, and nothing of the same read is answered.
    for piece in (try? frames.receive(bytes[...])) ?? [] where piece.connection == Connection.plugin {
      for case .begin in (try? messages.receive(piece.bytes)) ?? [] { count += 1 }
    }
    return count
  }
}

/// Refuses one container, and gives the others a policy or none.
private final class Answering: PluginHandler {
  struct Refusal: Error {}

  private(set) var isConfigured = false
  private(set) var calls = 0
  var needs: ObjectNeeds { .everything }

  func configure(_ configuration: Configuration) throws -> EventMask {
    if configuration.config == "refuse" { throw Refusal() }
    isConfigured = true
    return .fromNRI010
  }
  func cannotSynchronize(_ reason: NRIError) { _ = "\(reason)" }
  func endedUntold() {}
  func synchronize(pods: [PodSandbox], containers: [Container]) throws { calls += 1 }
  func runPodSandbox(_ pod: PodSandbox) throws { calls += 1 }
  func stopPodSandbox(_ pod: PodSandbox) throws { calls += 1 }
  func removePodSandbox(_ pod: PodSandbox) throws { calls += 1 }
  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    calls += 1
    return container.seccompPolicy
  }
  func startContainer(pod: PodSandbox, container: Container) throws {
    calls += 1
    if container.name.isEmpty { throw Refusal() }
  }
  func stopContainer(pod: PodSandbox, container: Container) throws { calls += 1 }
  func removeContainer(pod: PodSandbox, container: Container) throws { calls += 1 }
  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws { calls += 1 }
  func shutdown() {}
}
