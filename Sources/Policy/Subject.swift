/// Which container it is, for messages and events.
package struct Subject: Equatable, Sendable {
  package var containerID: String
  package var containerName: String
  package var podName: String
  package var podNamespace: String
  package var podUID: String
  package var image: String

  package init(
    containerID: String, containerName: String, podName: String, podNamespace: String, podUID: String, image: String
  ) {
    self.containerID = containerID
    self.containerName = containerName
    self.podName = podName
    self.podNamespace = podNamespace
    self.podUID = podUID
    self.image = image
  }

  /// `shop/web-1/app`. If only the kernel remembers the container, its id.
  package var text: String { containerName.isEmpty ? containerID : "\(podNamespace)/\(podName)/\(containerName)" }

  /// The subject of something that an earlier process left, and that only the kernel remembers.
  package static func unknown(id: String) -> Subject {
    Subject(containerID: id, containerName: "", podName: "", podNamespace: "", podUID: "", image: "")
  }
}
