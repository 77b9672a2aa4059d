import Glibc
import System
import YAML

/// The profile files of a folder, as they are on the disk now.
package struct ProfileFolder {
  /// Most files of one folder that are read.
  package static let filesMax = 1024
  static let suffix = ".yaml"

  /// By path. A file that cannot be used has its error.
  var files: [String: Result<ProfileLayer, PolicyError>] = [:]
  /// What is no error of one file.
  var messages: [String] = []

  /// - Throws: where the folder itself cannot be listed.
  init(reading folder: String) throws(Errno) {
    var names = try Files.names(in: folder).filter { !$0.utf8.starts(with: ".".utf8) }
    for name in names where hasSuffix(name, ".yml") {
      messages.append("\(folder)/\(name) is not read; rename it to end in \(Self.suffix)")
    }
    names = names.filter { hasSuffix($0, Self.suffix) }
    if names.count > Self.filesMax {
      messages.append("\(folder) has \(names.count) profiles; only the first \(Self.filesMax) are read")
    }
    for name in names.prefix(Self.filesMax) {
      let path = "\(folder)/\(name)"
      files[path] = Result { () throws(PolicyError) in try Self.read(path) }
    }
    refuseSharedNames()
  }

  /// One file, which must be a regular one: reading a pipe would block the caller.
  static func read(_ path: String) throws(PolicyError) -> ProfileLayer {
    let bytes: [UInt8]
    do throws(Errno) {
      guard try Files.status(path).st_mode & S_IFMT == S_IFREG else {
        throw Errno(EINVAL, "read \(path), which is no regular file")
      }
      bytes = try Files.read(path, limit: Node.fileMaxBytes)
    } catch {
      throw .unreadable(error)
    }
    return try ProfileLayer.parse(bytes, file: path)
  }

  /// Two files with one name: nobody can say which is meant, so neither is.
  private mutating func refuseSharedNames() {
    let good = files.compactMap { path, result in (try? result.get()).map { (path, $0) } }
    for (name, group) in Dictionary(grouping: good, by: \.1.name) where group.count > 1 {
      let group = group.sorted { $0.0 < $1.0 }
      for (path, layer) in group {
        let others = group.filter { $0.0 != path }.map { $0.1.location.description }.joined(separator: ", ")
        let message = "metadata.name \(quoted(name)) is also in \(others); rename one of them"
        files[path] = .failure(.invalid([Problem(layer.location, message)]))
      }
    }
  }
}

private func hasSuffix(_ name: String, _ suffix: String) -> Bool {
  name.utf8.count > suffix.utf8.count && name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
}
