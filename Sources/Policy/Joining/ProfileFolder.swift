import System
import YAML

/// The profile files of a folder, as they are on the disk now.
package struct ProfileFolder: Sendable {
  /// The most files of one folder that are read.
  package static let filesMax = 1024
  static let suffix = ".yaml"
  private static let otherSuffix = ".yml"

  package let path: String
  /// By path.
  package private(set) var files: [ExactText: ProfileFile] = [:]
  /// Messages that are not about an error of one file.
  package private(set) var messages: [String] = []
  /// Files that are not read but look like profiles: by path, why they are not read.
  package private(set) var ignored: [ExactText: String] = [:]

  /// - Parameter prefix: what stands before a file's name in messages; nil: the folder and a slash.
  /// - Throws: if the folder itself cannot be listed.
  package init(reading folder: String, prefix: String? = nil) throws(Errno) {
    path = folder
    let prefix = prefix ?? folder + "/"
    let all = try Files.names(in: folder)
    for name in all {
      guard let why = Self.whyIgnored(name), !Self.isHidden(name), hasSuffix(name, Self.otherSuffix) else { continue }
      ignored[ExactText(prefix + name)] = why
      messages.append("\(prefix)\(name) is not read; rename it to end in \(Self.suffix)")
    }
    let names = all.filter { Self.whyIgnored($0) == nil }
    if names.count > Self.filesMax {
      messages.append("\(folder) has \(names.count) profiles; only the first \(Self.filesMax) are read")
    }
    for name in names.dropFirst(Self.filesMax) {
      ignored[ExactText(prefix + name)] =
        "the folder has \(names.count) profiles, and only the first \(Self.filesMax) are read"
    }
    for name in names.prefix(Self.filesMax) { files[ExactText(prefix + name)] = ProfileFile(prefix + name) }
    refuseSharedNames()
  }

  /// Why a file of this name is not read from a folder; nil: it is read.
  package static func whyIgnored(_ name: String) -> String? {
    if isHidden(name) { return "its name begins with a dot" }
    return hasSuffix(name, suffix) ? nil : "its name does not end in \(suffix)"
  }

  private static func isHidden(_ name: String) -> Bool { name.utf8.starts(with: ".".utf8) }

  /// The layers of the files without problems.
  package var layers: [ProfileLayer] { files.values.filter { $0.error == nil }.compactMap(\.layer) }

  /// Two files have one name. Nobody can say which of them is meant, so neither is used.
  private mutating func refuseSharedNames() {
    for (name, group) in Dictionary(grouping: layers, by: \.name) where group.count > 1 {
      let group = group.sorted { ExactText($0.location.file) < ExactText($1.location.file) }
      for layer in group {
        let others = group.filter { $0.location != layer.location }.map(\.location.description)
        files[ExactText(layer.location.file)]?.add(
          Problem(
            layer.location,
            "metadata.name \(quoted(name)) is also in \(others.joined(separator: ", ")); rename one of them"))
      }
    }
  }
}

private func hasSuffix(_ name: String, _ suffix: String) -> Bool {
  name.utf8.count > suffix.utf8.count && name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
}
