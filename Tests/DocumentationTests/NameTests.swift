import System
import Testing

/// Two types whose names have the same words in another order are taken for each other.
@Suite struct NameTests {
  @Test("no two types have names that are permutations of each other")
  func permutations() throws {
    var types: [[String]: Set<String>] = [:]
    for file in try ImportTests.swiftFiles(below: ImportTests.sources) {
      for name in try Files.text(file).split(separator: "\n").compactMap(Self.type(declaredIn:)) {
        types[Self.words(name).sorted(), default: []].insert(name)
      }
    }
    #expect(types.values.filter { $0.count > 1 }.map { $0.sorted() } == [])
    #expect(types.count > 100, "else they were not found")
  }

  @Test(
    "a name's words begin with capitals, and what is in capitals is one word",
    arguments: [("PathRule", ["Path", "Rule"]), ("BPFObject", ["BPF", "Object"]), ("TTRPC", ["TTRPC"])])
  func words(name: String, words: [String]) { #expect(Self.words(name) == words) }

  /// nil: the line declares none.
  private static func type(declaredIn line: Substring) -> String? {
    let words = line.split(separator: " ")
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "actor"]
    guard let place = words.firstIndex(where: kinds.contains), place + 1 < words.count,
      words[..<place].allSatisfy({ $0.allSatisfy(\.isLetter) })
    else { return nil }
    let name = String(words[place + 1].prefix { $0.isLetter || $0.isNumber })
    return name.first?.isUppercase == true ? name : nil
  }

  private static func words(_ name: String) -> [String] {
    var words: [String] = []
    let letters = Array(name)
    for (index, letter) in letters.enumerated() {
      let follows = index + 1 < letters.count && letters[index + 1].isLowercase
      let begins = letter.isUppercase && (words.isEmpty || follows || !letters[index - 1].isUppercase)
      if begins { words.append("") }
      words[words.count - 1].append(letter)
    }
    return words
  }
}
