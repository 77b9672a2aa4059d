import Glibc
import NRI
import System

/// What a launched plugin is while another Stockade serves the node. It registers, decides nothing and leaves half a
/// second later. It has to register because containerd 1.7 does not start with a plugin that does not. Unless a service
/// serves the node, the bystander leaves a keeper behind.
final class Bystander: PluginHandler {
  /// The time for the answer to arrive.
  private static let stayMilliseconds = 500
  private let socket: FileDescriptor
  private var leaving: Worker?

  init(_ socket: FileDescriptor) { self.socket = socket }

  func configure(_ configuration: Configuration) throws -> EventMask {
    leaving = Worker { [socket] stop in
      if stop.pause(milliseconds: Self.stayMilliseconds) { Glibc.shutdown(socket.number, Int32(SHUT_RDWR)) }
    }
    // An empty set would mean all events.
    return [.removePodSandbox]
  }

  /// Called after the session: then there is nothing left to leave.
  func stop() { leaving?.stop(milliseconds: Self.stayMilliseconds) }

  var needs: ObjectNeeds { ObjectNeeds(annotations: [], labels: []) }
  func cannotSynchronize(_ reason: NRIError) {}
  func endedUntold() {}
  func synchronize(pods: [PodSandbox], containers: [Container]) throws {}
  func runPodSandbox(_ pod: PodSandbox) throws {}
  func stopPodSandbox(_ pod: PodSandbox) throws {}
  func removePodSandbox(_ pod: PodSandbox) throws {}
  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? { nil }
  func startContainer(pod: PodSandbox, container: Container) throws {}
  func stopContainer(pod: PodSandbox, container: Container) throws {}
  func removeContainer(pod: PodSandbox, container: Container) throws {}
  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws {}
  func shutdown() {}
}
