import Glibc
import NRI
import System

/// What a launched plugin is where another Stockade serves the node: it registers, decides nothing and leaves half a
/// second later. containerd 1.7 does not start with a plugin that does not register. Unless a service serves, it leaves
/// a keeper behind.
final class Bystander: PluginHandler {
  /// Time for the answer to get there.
  private static let stayMilliseconds = 500
  private let socket: FileDescriptor
  private var leaving: Worker?

  init(_ socket: FileDescriptor) { self.socket = socket }

  func configure(_ configuration: Configuration) throws -> EventMask {
    leaving = Worker { [socket] stop in
      if stop.pause(milliseconds: Self.stayMilliseconds) { Glibc.shutdown(socket.number, Int32(SHUT_RDWR)) }
    }
    // None would mean all.
    return [.removePodSandbox]
  }

  /// After the session: nothing is left to leave.
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
