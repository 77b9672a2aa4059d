import Policy

/// The numbers that have `value` in the bits of `mask`. As a condition it compares no bit that is not in the mask, so
/// the upper half of a register, which the kernel does not read, makes no difference.
struct BitPattern: Equatable {
  /// The largest number of those that `covering` knows. Families are below it.
  static let coverMax = 63
  private static let coverBits = 6
  private static let all: UInt64 = 0xffff_ffff

  var mask, value: UInt64

  init(mask: UInt64, value: UInt64) { (self.mask, self.value) = (mask, value) }

  /// One number of 32 bits.
  init(_ number: UInt64) { self.init(mask: Self.all, value: number) }

  func condition(on index: UInt32) -> SeccompFilter.Argument {
    .init(index: index, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ")
  }

  /// Patterns of which none overlaps another, and which together are these numbers of 32 bits.
  static func covering(_ numbers: Set<UInt64>) -> [BitPattern] { covering(numbers, from: 0, bits: coverBits) }

  private static func covering(_ numbers: Set<UInt64>, from base: UInt64, bits: Int) -> [BitPattern] {
    let size = UInt64(1) << UInt64(bits)
    let count = numbers.count { $0 >= base && $0 < base + size }
    if count == 0 { return [] }
    if count == Int(size) { return [BitPattern(mask: all & ~(size - 1), value: base)] }
    return covering(numbers, from: base, bits: bits - 1) + covering(numbers, from: base + size / 2, bits: bits - 1)
  }

  /// Patterns that together are all other numbers of 32 bits.
  static func coveringOthers(than numbers: Set<UInt64>) -> [BitPattern] {
    let small = Set(0...UInt64(coverMax)).subtracting(numbers)
    return covering(small) + (UInt64(coverBits)..<32).map { BitPattern(mask: 1 << $0, value: 1 << $0) }
  }
}
