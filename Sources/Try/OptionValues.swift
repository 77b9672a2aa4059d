import CommandOptions
import NRI

/// How the values that only `try` has are read. Each function throws a message that names the option and the values
/// that the option takes.
extension OptionTable {
  static func nriVersion(_ value: String) throws(UsageError) -> NRIVersion {
    guard let version = NRIVersion.all.first(where: { $0.description == value }) else {
      throw UsageError("--nri-version takes \(NRIVersion.oldest) to \(NRIVersion.newest), not \"\(value)\"")
    }
    return version
  }

  static func bindMount(_ value: String) throws(UsageError) -> BindMount {
    let parts = value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 || (parts.count == 3 && ["ro", "rw"].contains(parts[2])),
      parts[0].hasPrefix("/"), parts[1].hasPrefix("/")
    else { throw UsageError("--mount needs two absolute paths, SRC:DST or SRC:DST:ro, not \"\(value)\"") }
    return BindMount(source: parts[0], destination: parts[1], readOnly: parts.last == "ro")
  }

  static func hook(_ value: String) throws(UsageError) -> Hook {
    guard let colon = value.firstIndex(of: ":") else {
      throw UsageError("--hook needs STAGE:COMMAND, not \"\(value)\"")
    }
    let stage: Hook.Stage = try OptionValue.word(String(value[..<colon]), of: "--hook")
    let command = try words(String(value[value.index(after: colon)...]), of: "--hook")
    guard command[0].hasPrefix("/") else {
      throw UsageError("--hook needs a program's absolute path, not \"\(command[0])\"")
    }
    return Hook(stage: stage, command: command)
  }

  static func setUser(_ options: inout Options, _ value: String) throws(UsageError) {
    let parts = value.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    guard (1...2).contains(parts.count), let user = parts[0], let group = parts.count == 2 ? parts[1] : 0 else {
      throw UsageError("--user needs UID or UID:GID in numbers, not \"\(value)\"")
    }
    options.userID = user
    options.groupID = group
  }

  /// Words as a shell parts them: at spaces, but not within `'…'` or `"…"`. Nothing else is special.
  static func words(_ value: String, of option: String) throws(UsageError) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in value {
      if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if quote == nil, character == " " {
        if let word { words.append(word) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if quote != nil { throw UsageError("\(option) has an open quote: \(value)") }
    if let word { words.append(word) }
    if words.isEmpty { throw UsageError("\(option) needs a command") }
    return words
  }
}
