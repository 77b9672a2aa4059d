/// The newest values by key, at most a fixed number of them. The oldest value gives way.
package struct RecentValues<Key: Hashable, Value> {
  private let limit: Int
  private var values: [Key: (value: Value, number: UInt64)] = [:]
  /// The keys by the number of their insertion. Keys that were removed meanwhile are among them, at most as many again.
  private var order: [(key: Key, number: UInt64)] = []
  private var inserted: UInt64 = 0

  package init(limit: Int) { self.limit = limit }

  package subscript(key: Key) -> Value? { values[key]?.value }
  package var count: Int { values.count }

  /// If there is a value for the key already, the new value takes its place in the order.
  package mutating func insert(_ value: Value, for key: Key) {
    if let number = values[key]?.number {
      values[key] = (value, number)
      return
    }
    inserted += 1
    values[key] = (value, inserted)
    order.append((key, inserted))
    if values.count > limit { removeOldest() }
    if order.count > 2 * limit { order.removeAll { values[$0.key]?.number != $0.number } }
  }

  package mutating func remove(_ key: Key) { values[key] = nil }

  package mutating func keep(_ isKept: (Key) -> Bool) { values = values.filter { isKept($0.key) } }

  private mutating func removeOldest() {
    while !order.isEmpty {
      let (key, number) = order.removeFirst()
      if values[key]?.number == number {
        values[key] = nil
        return
      }
    }
  }
}

extension RecentValues: Sendable where Key: Sendable, Value: Sendable {}
