import Policy
import Testing

private let digest = "sha256:" + String(repeating: "0a1b", count: 16)
private let other = "sha256:" + String(repeating: "f", count: 64)

/// Which images the patterns of a binding match.
@Suite struct ImageBindingTests {
  private func isMatched(_ pattern: String, _ image: String) throws -> Bool {
    let node = try configuration("bindings: [{images: [\"\(pattern)\"], profile: bound}]")
    let choice = try node.choose(
      pod: PodContext(namespace: "shop"), container: ContainerContext(name: "app", image: image))
    return choice == .profile("bound", because: "binding \"bindings[0]\"")
  }

  /// The ways to write the newest official nginx.
  static let newest = [
    "nginx", "nginx:latest", "library/nginx", "library/nginx:latest", "docker.io/nginx", "docker.io/nginx:latest",
    "docker.io/library/nginx", "docker.io/library/nginx:latest", "index.docker.io/nginx",
    "index.docker.io/library/nginx:latest",
  ]

  @Test("each way to write a name matches each other way", arguments: newest)
  func spellings(pattern: String) throws {
    for image in Self.newest { #expect(try isMatched(pattern, image), "\(image)") }
    for image in ["nginx:1.30", "nginx@\(digest)", "quay.io/nginx", "nginx2", "team/nginx", "localhost/nginx", ""] {
      #expect(try !isMatched(pattern, image), "\(image)")
    }
  }

  @Test(
    "a name is completed as Docker and containerd complete it",
    arguments: [
      // Tags.
      ("nginx:1.30", "nginx:1.30", true), ("nginx:1.30", "docker.io/library/nginx:1.30", true),
      ("docker.io/library/nginx:1.30", "nginx:1.30", true), ("nginx:1.30", "nginx:1.3", false),
      ("nginx:1.30", "nginx", false), ("nginx", "nginx:1.30", false), ("nginx:*", "nginx", true),
      ("nginx:*", "library/nginx:1.30", true), ("docker.io/library/nginx:*", "nginx", true),
      ("docker.io/library/nginx:*", "nginx:1.30", true), ("docker.io/library/nginx:*", "nginx-slim:1", false),
      ("docker.io/library/nginx:*", "bitnami/nginx:1", false), ("nginx:1.*", "nginx:1.30-alpine", true),
      ("nginx:1.*", "nginx:2.1", false), ("nginx:1.*", "nginx@\(digest)", false),
      // Digests.
      ("nginx@\(digest)", "nginx@\(digest)", true), ("docker.io/library/nginx@\(digest)", "nginx@\(digest)", true),
      ("nginx@\(digest)", "docker.io/nginx:1.30@\(digest)", true), ("nginx@\(digest)", "nginx@\(other)", false),
      ("nginx@\(digest)", "nginx", false), ("nginx@*", "nginx@\(digest)", true), ("nginx@*", "nginx:1.30", false),
      ("nginx@*", "nginx:1.30@\(digest)", true), ("nginx:1.30", "nginx:1.30@\(digest)", true),
      ("nginx:1.30@\(digest)", "nginx:1.30@\(digest)", true), ("nginx:1.30@\(digest)", "nginx:1.30", false),
      ("nginx:1.30@\(digest)", "nginx@\(digest)", false), ("nginx:*", "nginx@\(digest)", true),
      ("docker.io/library/nginx:*", "nginx@\(digest)", true), ("nginx:*", "nginx:1.30@\(digest)", true),
      ("nginx", "nginx:latest@\(digest)", true), ("nginx", "nginx@\(digest)", false),
      ("*@\(digest)", "a/b@\(digest)", true),
      // Other registries.
      ("registry:5000/a/b", "registry:5000/a/b", true), ("registry:5000/a/b", "registry:5000/a/b:latest", true),
      ("registry:5000/a/b:*", "registry:5000/a/b:2", true), ("registry:5000/*", "registry:5000/a/b@\(digest)", true),
      ("registry:5000/a/b", "a/b", false), ("registry:5000", "registry:5000", true),
      ("docker.io/library/registry:5000", "registry:5000", true), ("localhost/a", "localhost/a:latest", true),
      ("localhost/a", "docker.io/localhost/a", false), ("a", "localhost/a", false),
      ("quay.io/nginx", "quay.io/library/nginx", false), ("quay.io/nginx:*", "quay.io/nginx:1", true),
      ("docker.io/nginx:*", "quay.io/nginx:1", false), ("[::1]:5000/a", "[::1]:5000/a", true),
      ("Registry/a", "Registry/a:latest", true), ("docker.io/Registry/a", "Registry/a", false),
      ("team/app:1", "docker.io/team/app:1", true), ("docker.io/team/app:1", "team/app:1", true),
      ("app:1", "team/app:1", false), ("library/team/app", "team/app", false),
      ("docker.io/a.example/b", "a.example/b", false), ("docker.io/a.example/b", "docker.io/a.example/b:latest", true),
      // A star stands for any text, in whichever way the name is written.
      ("*", "nginx", true), ("*", "", true), ("docker.io/*", "nginx:1.30", true), ("docker.io/*", "quay.io/a", false),
      ("*/nginx:*", "nginx:1.30", true), ("*/nginx:*", "quay.io/team/nginx@\(digest)", true),
      ("nginx*", "nginx:1.30", true), ("nginx*", "nginxinc/unit:1", true), ("nginx*", "quay.io/nginx", false),
      ("*:1.30", "registry:5000/nginx:1.30", true), ("nginx*alpine", "nginx:1.30-alpine", true),
      ("*.example/*", "eu.example/team/app", true), ("registry.*/app", "registry.example/app:latest", true),
      // What is no name has one way to be written. A runtime gives an id where it knows no name.
      (digest, digest, true), ("docker.io/library/\(digest)", digest, false), ("*", "not a name", true),
      ("nginx*", "nginx:1 30", true), ("docker.io/*", "nginx:1 30", false),
    ])
  func completed(pattern: String, image: String, matches: Bool) throws {
    #expect(try isMatched(pattern, image) == matches)
  }

  @Test("a name is completed up to the limit of its length, and not past it")
  func length() throws {
    for (length, matches) in [(1024, true), (1025, false)] {
      let name = "a:" + String(repeating: "b", count: length - 2)
      #expect(try isMatched("docker.io/library/a:*", name) == matches)
      #expect(try isMatched("a:*", name))
    }
  }

  @Test(
    "a pattern that no image's name can match is refused",
    arguments: [
      "https://docker.io/nginx", "docker://nginx:1", "nginx 1", "nginx:", "nginx@", "registry.example/", "/nginx",
      "a//b", "nginx:1:2", "nginx@a@b", "nginx:1/", "ngïnx", "registry.example/:1",
    ])
  func impossible(pattern: String) {
    let error = #expect(throws: PolicyError.self) {
      try configuration("bindings: [{images: [nginx, \"\(pattern)\"], profile: bound}]")
    }
    #expect(
      error.map {
        "\($0)".contains("bindings[0].images[1] is \"\(pattern)\", and no image has such a name; write it like ")
      } == true)
  }
}
