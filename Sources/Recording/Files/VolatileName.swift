/// Names that are others in the next run: numbers, dates, random letters.
enum VolatileName {
  /// The shortest of them is that of mkstemp(3).
  private static let randomMin = 6
  private static let hexadecimalMin = 8

  /// Of any file or folder.
  static func matches(_ name: [UInt8]) -> Bool {
    isNumber(name) || isHexadecimal(name) || isUUID(name) || hasDate(name) || isTemporary(name)
  }

  /// Of a file that the workload itself writes, also: logs, sockets, files with a process' or a running number.
  static func matchesOwn(_ name: [UInt8]) -> Bool {
    if matches(name) { return true }
    let parts = words(name, separatedBy: ".")
    if parts.count > 1, let last = parts.last, ownSuffixes.contains(String(decoding: last, as: UTF8.self)) {
      return true
    }
    return words(name, separatedBy: ".-_").dropFirst().contains(where: isNumber)
  }

  /// Of a folder: `17`, `2026-01-31`, `1.2.3`, `v2.0`, `shop-1.2.3`. A word that looks random may be somebody's name.
  static func matchesFolder(_ name: [UInt8]) -> Bool {
    if isNumber(name) || isHexadecimal(name) || isUUID(name) || hasDate(name) { return true }
    let version = words(name, separatedBy: "-").last ?? []
    let numbers = version.drop { $0 == UInt8(ascii: "v") }
    return numbers.contains(UInt8(ascii: ".")) && words(Array(numbers), separatedBy: ".").allSatisfy(isNumber)
  }

  private static let ownSuffixes: Set<String> = ["pid", "sock", "socket", "lock", "lck", "log", "gz"]
  private static let temporarySuffixes: Set<String> = ["tmp", "temp", "swp", "part"]

  private static func isNumber(_ name: [UInt8]) -> Bool { !name.isEmpty && name.allSatisfy(isDigit) }

  private static func isHexadecimal(_ name: [UInt8]) -> Bool {
    name.count >= hexadecimalMin && name.allSatisfy(isHexDigit) && name.contains(where: isDigit)
  }

  private static func isUUID(_ name: [UInt8]) -> Bool {
    let parts = name.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(isHexDigit) }
  }

  /// `20260131`, or `2026-01-31` with any of `-`, `_` and `.`.
  private static func hasDate(_ name: [UInt8]) -> Bool {
    let numbers = name.split { !isDigit($0) }
    if numbers.contains(where: { $0.count == 8 && isYear($0.prefix(4)) }) { return true }
    return zip(words(name, separatedBy: "-_."), words(name, separatedBy: "-_.").dropFirst()).contains { year, month in
      year.suffix(4).count == 4 && isYear(year.suffix(4)) && month.count == 2 && month.allSatisfy(isDigit)
    }
  }

  private static func isYear(_ digits: ArraySlice<UInt8>) -> Bool {
    digits.allSatisfy(isDigit) && (digits.starts(with: "19".utf8) || digits.starts(with: "20".utf8))
  }

  /// `tmpab12cd_x`, `sess_x8Kq2P`, `dump.rdb.tmp`
  private static func isTemporary(_ name: [UInt8]) -> Bool {
    if name.last == UInt8(ascii: "~") { return true }
    let parts = words(name, separatedBy: ".-_")
    guard let last = parts.last else { return false }
    if parts.count > 1, temporarySuffixes.contains(String(decoding: last, as: UTF8.self)) { return true }
    if name.starts(with: "tmp".utf8), name.count >= "tmp".utf8.count + randomMin { return true }
    return last.count >= randomMin && last.allSatisfy(isAlphanumeric) && looksRandom(last)
  }

  /// Digits among letters, or capitals among small letters that begin no words: names that people give have neither.
  private static func looksRandom(_ word: [UInt8]) -> Bool {
    let inner = word.dropFirst().dropLast()
    let hasLetter = word.contains { !isDigit($0) }
    return hasLetter && inner.contains(where: isDigit) || word.contains(where: isSmall) && !isCamelCase(word)
  }

  /// Whether capitals divide it into words of 2 letters or more: `dataFile`, `parseURL`.
  private static func isCamelCase(_ word: [UInt8]) -> Bool {
    var lengths: [Int] = []
    for (index, byte) in word.enumerated() {
      let isAfterCapital = index > 0 && isCapital(word[index - 1])
      let isBeforeSmall = index + 1 < word.count && isSmall(word[index + 1])
      if lengths.isEmpty || isCapital(byte) && (!isAfterCapital || isBeforeSmall) { lengths.append(0) }
      lengths[lengths.count - 1] += 1
    }
    return lengths.allSatisfy { $0 > 1 }
  }

  private static func words(_ name: [UInt8], separatedBy separators: String) -> [[UInt8]] {
    name.split(omittingEmptySubsequences: false) { separators.utf8.contains($0) }.map { Array($0) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isCapital(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

  private static func isSmall(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || isSmall(byte | 0x20)
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
