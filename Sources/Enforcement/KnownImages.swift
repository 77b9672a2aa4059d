import Glibc
import Policy
import Synchronization
import System

/// The aliases of profiles in images that were looked at before. A container whose root is new finds its image's files
/// in no cache of the kernel's, so each look into it takes microseconds.
///
/// What was found holds for another container with the same lower layers, as long as its upper layer has nothing on the
/// ways that were gone: neither a file nor what hides one.
final class KnownImages: Sendable {
  /// How many pairs of a profile's text and an image are remembered.
  static let maximum = 256

  /// The layers of an overlay, as mountinfo names them.
  struct Layers: Hashable {
    var lower: String
    var upper: String

    /// nil: the layers are not named by absolute paths, so two images can have the same names.
    init?(_ mount: MountInfo) {
      func value(_ key: String) -> String? {
        mount.superOptions.first { $0.hasPrefix(key) }.map { String($0.dropFirst(key.count)) }
      }
      guard mount.type == "overlay", let lower = value("lowerdir="), let upper = value("upperdir="),
        upper.hasPrefix("/"), !lower.isEmpty, lower.parts(between: ":").allSatisfy({ $0.hasPrefix("/") }),
        ![lower, upper].contains(where: { $0.utf8.contains(UInt8(ascii: "\\")) }),
        mount.superOptions.count(where: { $0.contains("lowerdir") }) == 1
      else { return nil }
      (self.lower, self.upper) = (lower, upper)
    }
  }

  private struct Key: Hashable {
    var text: UInt64
    var lower: String
  }

  private struct Found {
    var aliases: RuleAliases
    var tops: Set<String>
  }

  private let known = Mutex(RecentValues<Key, Found>(limit: KnownImages.maximum))

  /// The aliases that were found in the image, or that `look` finds now.
  ///
  /// - Parameters:
  ///   - text: of the profile: `CompiledProfile.text`.
  ///   - look: finds aliases, and the names in the root through which the ways went; nil: what was found is not all.
  func aliases(
    _ text: UInt64, _ layers: Layers?, look: () throws(EnforcementError) -> (aliases: RuleAliases, tops: Set<String>?)
  ) throws(EnforcementError) -> RuleAliases {
    guard let layers else { return try look().aliases }
    let key = Key(text: text, lower: layers.lower)
    if let found = known.withLock({ $0[key] }), Self.isUntouched(found.tops, layers.upper) { return found.aliases }
    let (aliases, tops) = try look()
    if let tops, Self.isUntouched(tops, layers.upper) {
      known.withLock { $0.insert(Found(aliases: aliases, tops: tops), for: key) }
    }
    return aliases
  }

  /// Whether an upper layer has none of the names. False if the layer cannot be looked at.
  private static func isUntouched(_ names: Set<String>, _ upper: String) -> Bool {
    guard let folder = try? FileSystem.root(upper) else { return false }
    return names.allSatisfy { name in
      var status = stat()
      return fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT
    }
  }
}
