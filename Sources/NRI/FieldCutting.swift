import TTRPC

extension FieldCutter {
  /// `receive`, with the error of a session.
  mutating func parts(of bytes: ArraySlice<UInt8>) throws(NRIError) -> [Part] {
    do throws(WireError) { return try receive(bytes) } catch { throw .wire(error) }
  }

  /// `finish`, with the error of a session.
  func end() throws(NRIError) { do throws(WireError) { try finish() } catch { throw .wire(error) } }
}
