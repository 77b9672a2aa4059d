import Explanation
import Policy
import YAML

/// What two profiles say of accesses to files.
struct FileComparison {
  private struct Key: Hashable {
    var act: String
    var a, b: Difference.Side
  }

  private let a, b: Profile
  private let writtenA, writtenB: Profile
  private let indexA, indexB: RuleIndex

  init(_ a: Profile, _ b: Profile) {
    (self.a, self.b, writtenA, writtenB) = (a.applyingMode(), b.applyingMode(), a, b)
    (indexA, indexB) = (RuleIndex(self.a.fileAccess?.rules ?? []), RuleIndex(self.b.fileAccess?.rules ?? []))
  }

  func differences() -> [Difference] {
    if a.fileAccess == nil, b.fileAccess == nil { return [] }
    var groups = Groups<Key>()
    for place in Place.all(of: (a.fileAccess?.rules ?? []) + (b.fileAccess?.rules ?? [])) {
      for key in united(Access.allCases.compactMap { difference(place, $0) }, "reading and writing of") {
        groups.add(place, to: key)
      }
    }
    for folder in indexA.folderNames.union(indexB.folderNames).sorted() where !folder.wrappedValue.isEmpty {
      for key in united([.names, .tree].compactMap { difference(folder, $0) }, "moving or replacing of the folder") {
        groups.add(.path(folder), to: key)
      }
    }
    return groups.all.map { key, places in Difference("file", "\(key.act) \(Place.text(of: places))", key.a, key.b) }
  }

  /// Two acts with the same answer are one line.
  private func united(_ keys: [Key], _ act: String) -> [Key] {
    guard keys.count == 2, (keys[0].a, keys[0].b) == (keys[1].a, keys[1].b) else { return keys }
    return [Key(act: act, a: keys[0].a, b: keys[0].b)]
  }

  private func difference(_ place: Place, _ access: Access) -> Key? {
    let path = place.example
    return key(access == .read ? "reading of" : "writing of") { profile, index in
      var narrowed = profile
      narrowed.fileAccess?.rules = place == .overLong ? index.all : index.rules(for: path)
      return narrowed.decideFile(path: path, access: [access])
    }
  }

  /// To exchange a folder is to write it.
  private func difference(_ folder: ExactText, _ reach: FileReach) -> Key? {
    let act = reach == .names ? "replacing of the folder" : "moving of the folder"
    let found = key(act) { profile, index in
      var narrowed = profile
      narrowed.fileAccess?.rules = index.rules(forTree: folder)
      return narrowed.decideFile(path: folder.wrappedValue, access: [.write], reach: reach)
    }
    // What writing the folder itself comes to is told already.
    guard let found, let plain = difference(.path(folder), .write), (plain.a, plain.b) == (found.a, found.b) else {
      return found
    }
    return nil
  }

  private func key(_ act: String, _ decide: (Profile, RuleIndex) -> Decision) -> Key? {
    let (first, second) = (decide(a, indexA), decide(b, indexB))
    guard first.action != second.action else { return nil }
    return Key(
      act: act, a: Difference.Side(first.action, writtenA.decider(of: first, in: .file)),
      b: Difference.Side(second.action, writtenB.decider(of: second, in: .file)))
  }
}
