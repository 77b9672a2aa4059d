import YAML

/// What a container finds at a path before its first program runs.
package enum PathFacts: Equatable, Sendable {
  case folder
  /// - Parameter isProgram: it can be executed, or mapped as code.
  case file(isProgram: Bool)
  /// A device, a pipe or a socket.
  case special
  /// A part of the path is a file, so that nothing can lie below it.
  case belowFile(String)
  /// Nothing lies there now.
  case missing
  /// The path lies below a mount of the container's.
  case onMount(String, type: String)
  /// It was not found out.
  case unknown
}

extension Profile {
  /// What does nothing for containers of one image, with what does nothing anywhere.
  ///
  /// - Parameter facts: what lies at a path. Symbolic links are followed.
  package func idleParts(inRoot facts: (String) -> PathFacts) -> [IdlePart] {
    let everywhere = idleParts
    let told = Set(everywhere.map(\.subject))
    let ofProcess = (process?.rules ?? []).enumerated().compactMap { index, rule in
      process?.rootFault(of: rule, facts(rule.path))?.part(rule.name("process", index), rule.location)
    }
    let ofFiles = (fileAccess?.rules ?? []).enumerated().compactMap { index, rule in
      Self.rootFault(ofFile: rule, facts(rule.path))?.part(rule.name("file", index), rule.location)
    }
    return everywhere + (ofProcess + ofFiles).filter { !told.contains($0.subject) }
  }

  private static func rootFault(ofFile rule: PathRule, _ facts: PathFacts) -> IdleFault? {
    if case .folder = facts, !rule.isDirectory {
      return IdleFault(
        "this is a folder, and a path rule is not about what lies in it",
        "write {directory: \(rule.path), recursive: true} for what lies in it", claim: "holds for the folder alone")
    }
    return rule.rootFault(facts)
  }
}

extension ProcessSection {
  fileprivate func rootFault(of rule: PathRule, _ facts: PathFacts) -> IdleFault? {
    switch facts {
    case .folder where !rule.isDirectory:
      return IdleFault(
        "this is a folder, and a path rule is not about what lies in it",
        "write {directory: \(rule.path), recursive: true} for what lies in it")
    case .file(isProgram: false) where !rule.isDirectory:
      return IdleFault(
        "this file is no program: nobody may execute it, and it is no library", "name the program that reads it")
    case .special where !rule.isDirectory:
      return IdleFault("this is a device, a pipe or a socket, which nobody executes", "name a program")
    case .onMount(let point, _): return rule.rootFault(facts) ?? newnessFault(of: rule, point)
    default: return rule.rootFault(facts)
    }
  }
}

extension PathRule {
  /// What is so for programs and files.
  fileprivate func rootFault(_ facts: PathFacts) -> IdleFault? {
    switch facts {
    case .file, .special:
      guard isDirectory else { return nil }
      return IdleFault("this is a file, and nothing lies in it", "write {path: \(path)} for the file itself")
    case .belowFile(let file):
      return IdleFault("\(quoted(file)) is a file, and nothing lies below it", "write the path that the image has")
    case .onMount(let point, let type):
      guard Self.typesWithSpellings.contains(type) else { return nil }
      return IdleFault(
        "files below \(quoted(point)) have no path, since \(type) finds them by several spellings of a name; the "
          + "strictest action of the section decides about them",
        "write that action as the section's default, or mount another file system")
    case .missing:
      return IdleFault(
        "the image has nothing there", "mend the path, unless a volume has it or somebody makes it later",
        severity: .note)
    case .folder, .unknown: return nil
    }
  }

  /// File systems on which the kernel compares names in its own way, always.
  private static let typesWithSpellings: Set<String> = [
    "vfat", "msdos", "exfat", "hfs", "hpfs", "affs", "cifs", "smb3",
  ]
}
