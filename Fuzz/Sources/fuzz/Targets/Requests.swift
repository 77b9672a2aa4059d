@testable import CommandOptions
@testable import Explanation
@testable import NRI

@testable import HTTP
@testable import Policy
@testable import Try

extension Target {
  /// An image's name, and on a second line the pattern of a binding.
  static let image = Target(
    name: "image",
    samples: {
      [
        "nginx\nnginx:*", "docker.io/library/nginx:1.27\n*", "registry.example:5000/a/b:1@sha256:00\nregistry.*/b:*",
        "index.docker.io/library/a/b\n*/b", "sha256:\(String(repeating: "a", count: 64))\nsha256:*", "v2.2.0-rc.1",
      ].map { Array($0.utf8) }
    }
  ) { input in
    let lines = input.lines
    let name = lines.first ?? ""
    let spellings = ImageName.spellings(of: name)
    require(!spellings.isEmpty, "\(name) has no spelling, not even its own")
    // With a digest, a name without it says less.
    for spelling in spellings where !spelling.contains("@") {
      let others = Set(ImageName.spellings(of: spelling))
      let isSame = name.contains("@") ? others.isSubset(of: spellings) : others == Set(spellings)
      require(isSame, "\(name) is \(spellings), but \(spelling) is \(others)")
    }
    require(ImageName(name) == nil || ImageName.digest(in: name) == nil || name.contains("@"), "a digest without @")
    if let pattern = lines.dropFirst().first {
      _ = ImagePattern.isPossible(pattern)
      for spelling in spellings where spelling.utf8.count <= 64 && pattern.utf8.count <= 64 {
        let matches = Self.matches(Array(pattern.utf8)[...], Array(spelling.utf8)[...])
        require(ImagePattern.matches(pattern, spelling) == matches, "\(pattern) and \(spelling)")
      }
    }
    if let version = RuntimeVersion(name) { require(!(version < version), "\(version) is before itself") }
  }

  /// What `ImagePattern` has to say, row by row of a table.
  private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
    var row = [true] + name.map { _ in false }
    for byte in pattern {
      var next = [byte == UInt8(ascii: "*") && row[0]]
      for (place, other) in name.enumerated() {
        next.append(byte == UInt8(ascii: "*") ? row[place + 1] || next[place] : row[place] && byte == other)
      }
      row = next
    }
    return row[name.count]
  }

  /// A request to the server of metrics. What was decided of its beginning holds, whatever follows.
  static let http = Target(
    name: "http",
    samples: {
      [
        "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n", "HEAD /?x#y HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
      ].map { Array($0.utf8) }
    }
  ) { input in
    let whole = HTTPRequest.parse(input)
    if case .request(let request) = whole { require(request.path.hasPrefix("/"), "the path \(request.path)") }
    if input.count >= HTTPLimits.requestMaxBytes { require(whole != .incomplete, "more is waited for than is taken") }
    for length in stride(from: input.count / 4, to: input.count, by: max(1, input.count / 8)) {
      let part = HTTPRequest.parse(Array(input.prefix(length)))
      if case .request = part { require(part == whole, "\(part) becomes \(whole)") }
      if case .refused = part {
        guard case .refused = whole else { return require(false, "\(part) becomes \(whole)") }
      }
    }
  }

  /// Words of a command line, one a line: options of `stockade try`, and what `stockade profile explain` is asked. The
  /// first byte says which.
  static let options = Target(
    name: "options",
    samples: {
      [
        "t--profile\nweb.yaml\n--mount\n/a:/b:ro\n--user=1:2\n--timeout\n5\n--\nsh\n-c\ntrue",
        "t--hook\nprestart:/bin/true",
        "t--nri-version\n0.10\n--refuse\ncreate\n--env\nA=b\n--network=host", "e--new\nexec\n/bin/sh\n-c",
        "econnect\n[::1]:443/tcp",
        "e--write\nopen\n/etc/passwd", "esyscall\nmount\n0x1\n2", "eaccept\n10.0.0.1\nat\n80/tcp", "emount",
      ].map { Array($0.utf8) }
    }
  ) { input in
    let (choice, rest) = input.choice()
    let words = Array(rest).lines
    if choice != Int(UInt8(ascii: "e")) {
      do throws(UsageError) {
        guard let options = try Options.syntax.parse(words, into: Options()) else { return }
        require(!options.command.isEmpty, "there is no command, and no error")
      } catch { require(!error.description.isEmpty, "an error without words") }
    } else if let operation = try? Operation(words) {
      require(!operation.text.isEmpty, "an operation without words")
      // Shown to people.
      require(operation.text.utf8.allSatisfy { $0 >= 32 }, "the text has control characters: \(operation.text)")
    }
  }
}
