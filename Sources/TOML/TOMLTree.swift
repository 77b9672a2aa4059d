/// A table while the text is still read, when later lines may add to it.
final class TOMLTable {
  enum Entry {
    case value(TOML)
    case table(TOMLTable)
    case tables(TOMLTables)
  }

  private(set) var entries: [String: Entry] = [:]
  /// Whether the table had its header, or dotted keys of an earlier section made it. Then no header may name it again.
  var isDefined = false

  var value: TOML {
    .table(
      entries.mapValues { entry in
        switch entry {
        case .value(let value): value
        case .table(let table): table.value
        case .tables(let tables): .array(tables.all.map(\.value))
        }
      })
  }

  /// - Returns: false: the key has a value.
  func set(_ key: String, _ value: TOML) -> Bool {
    guard entries[key] == nil else { return false }
    entries[key] = .value(value)
    return true
  }

  /// The table of a key. It is made if it does not exist.
  ///
  /// - Returns: nil: the key has a value that nothing can be added to.
  func table(_ key: String) -> TOMLTable? {
    switch entries[key] {
    case .value: return nil
    case .table(let table): return table
    case .tables(let tables): return tables.all.last
    case nil:
      let table = TOMLTable()
      entries[key] = .table(table)
      return table
    }
  }

  /// Adds a table to the array of a key.
  ///
  /// - Returns: nil: the key has another value.
  func append(_ key: String) -> TOMLTable? {
    let table = TOMLTable()
    switch entries[key] {
    case .tables(let tables): tables.all.append(table)
    case nil: entries[key] = .tables(TOMLTables(table))
    default: return nil
    }
    return table
  }

  func isArray(_ key: String) -> Bool {
    if case .tables = entries[key] { return true }
    return false
  }
}

/// The tables of `[[name]]`. Later lines add to the last one. This is an object, so that adding a table copies none.
final class TOMLTables {
  fileprivate(set) var all: [TOMLTable]
  init(_ first: TOMLTable) { all = [first] }
}
