import Policy
import Testing

@Suite struct SubjectTests {
  @Test("of a pod's labels those are kept that are named, in the order of the names, and no longer than Kubernetes has")
  func labels() {
    let long = String(repeating: "v", count: 63)
    let labels = ["app": "web", "team": long, "other": "x", "longer": long + "v", "empty": ""]
    #expect(
      PodLabel.chosen(["team", "app", "longer", "absent", "empty"], of: labels) == [
        PodLabel(name: "team", value: long), PodLabel(name: "app", value: "web"), PodLabel(name: "empty", value: ""),
      ])
  }

  private static let digest = "sha256:" + String(repeating: "0a", count: 32)

  @Test(
    "an image has the digest that its name ends in, and no other",
    arguments: [
      ("nginx@\(digest)", digest), ("registry.example:5000/a/nginx:1.2@\(digest)", digest), ("nginx:1", nil),
      ("", nil), (digest, nil), ("nginx@\(digest)0", nil), ("nginx@sha256:ab", nil), ("nginx@", nil),
      ("nginx@\(digest.uppercased())", nil), ("a@b@\(digest)", digest),
    ])
  func imageDigest(image: String, digest: String?) {
    let subject = Subject(
      containerID: "c", containerName: "", podName: "", podNamespace: "", podUID: "", image: image)
    #expect(subject.imageDigest == digest)
  }
}
