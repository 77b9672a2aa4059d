/// An image's name, `registry/path:tag@digest`, as Docker and containerd complete it: `nginx` is
/// `docker.io/library/nginx:latest`.
struct ImageName {
  private struct Repository: Equatable {
    var registry: String
    var path: String
  }

  /// More than a runtime takes: 255 for registry and path, 128 for the tag, 136 for the digest.
  static let maxBytes = 1024
  private static let dockerHub = "docker.io"
  /// The second is Docker Hub's former name, which still stands for it.
  private static let dockerHubNames = [dockerHub, "index.docker.io"]
  private static let official = "library/"
  private static let defaultTag = "latest"

  private let repository: Repository
  private let tag: String?
  private let digest: String?

  /// nil: no image can have the name.
  init?(_ text: String) {
    guard text.utf8.count <= Self.maxBytes else { return nil }
    let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let name: Substring
    (name, tag) = Self.splitTag(halves[0])
    repository = Self.repository(name)
    digest = halves.count == 2 ? String(halves[1]) : nil
    let words = repository.path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard words.allSatisfy({ Self.isWord($0) }), Self.isWord(repository.registry, or: ":[]"),
      tag.map({ Self.isWord($0) }) ?? true, digest.map({ Self.isWord($0, or: ":+") }) ?? true
    else { return nil }
  }

  /// The digest at the end of a name: `sha256:` and 64 digits behind an `@`. nil: there is none of this form.
  static func digest(in text: String) -> String? {
    guard text.utf8.count <= maxBytes, let at = text.lastIndex(of: "@") else { return nil }
    let digest = text[text.index(after: at)...]
    return digest.utf8.starts(with: "sha256:".utf8) && isID(String(digest)) ? String(digest) : nil
  }

  /// Every way to write the name of an image. A text that is no name has no other way.
  static func spellings(of text: String) -> [String] {
    guard !isID(text), let name = ImageName(text) else { return [text] }
    return name.repositorySpellings.flatMap { repository in name.versionSpellings.map { repository + $0 } }
  }

  /// Whether a text is the id of an image, which a runtime gives in place of a name that it does not know.
  private static func isID(_ text: String) -> Bool {
    let prefix = "sha256:".utf8
    let digits = text.utf8.starts(with: prefix) ? text.utf8.dropFirst(prefix.count) : text.utf8[...]
    return digits.count == 64
      && digits.allSatisfy {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
      }
  }

  private var repositorySpellings: [String] {
    guard repository.registry == Self.dockerHub else { return ["\(repository.registry)/\(repository.path)"] }
    var paths = [repository.path]
    if paths[0].utf8.starts(with: Self.official.utf8) { paths.append(String(paths[0].dropFirst(Self.official.count))) }
    let texts = (Self.dockerHubNames.map { $0 + "/" } + [""]).flatMap { registry in paths.map { registry + $0 } }
    // Some are another image's: `library/a/b` without `library/`, and `docker.io/a.example/b` without its registry.
    return texts.filter { Self.repository($0[...]) == repository }
  }

  /// A digest decides what runs, and the tag beside it says nothing. A name with a digest alone has an empty tag, so
  /// that `nginx:*` stands for every nginx.
  private var versionSpellings: [String] {
    let tag = tag ?? (digest == nil ? Self.defaultTag : nil)
    var texts = tag.map { [":\($0)"] } ?? []
    if tag == Self.defaultTag { texts.append("") }
    if let digest { texts += ["@\(digest)", ":\(tag ?? "")@\(digest)"] }
    return texts
  }

  private static func splitTag(_ name: Substring) -> (name: Substring, tag: String?) {
    guard let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") else { return (name, nil) }
    return (name[..<colon], String(name[name.index(after: colon)...]))
  }

  /// The first word is a registry if it has a dot, a colon or a capital, or is `localhost`.
  private static func repository(_ name: Substring) -> Repository {
    let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let isRegistry =
      parts.count == 2
      && (parts[0] == "localhost"
        || parts[0].utf8.contains { ".:".utf8.contains($0) || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 })
    let registry = isRegistry ? String(parts[0]) : dockerHub
    let path = String(isRegistry ? parts[1] : name)
    guard dockerHubNames.contains(registry) else { return Repository(registry: registry, path: path) }
    return Repository(registry: dockerHub, path: path.contains("/") ? path : official + path)
  }

  private static func isWord(_ text: String, or others: String = "") -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { isWordByte($0) || others.utf8.contains($0) }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }
}
