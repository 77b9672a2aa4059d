/// Which container it is, for messages and events.
package struct Subject: Equatable, Sendable {
  package var containerID: String
  package var containerName: String
  package var podName: String
  package var podNamespace: String
  package var podUID: String
  package var image: String
  /// The pod's labels that the configuration names, in its order. Only these are kept: there are many containers.
  package var labels: [PodLabel]

  package init(
    containerID: String, containerName: String, podName: String, podNamespace: String, podUID: String, image: String,
    labels: [PodLabel] = []
  ) {
    self.containerID = containerID
    self.containerName = containerName
    self.podName = podName
    self.podNamespace = podNamespace
    self.podUID = podUID
    self.image = image
    self.labels = labels
  }

  /// The digest that the image's name has: the pod's author chose the image by it. nil: the name has none.
  package var imageDigest: String? { ImageName.digest(in: image) }

  /// `shop/web-1/app`. If only the kernel remembers the container, its id.
  package var text: String { containerName.isEmpty ? containerID : "\(podNamespace)/\(podName)/\(containerName)" }

  /// The subject of something that an earlier process left, and that only the kernel remembers.
  package static func unknown(id: String) -> Subject {
    Subject(containerID: id, containerName: "", podName: "", podNamespace: "", podUID: "", image: "")
  }
}
