import TTRPC

extension FieldCutter {
  /// `receive`, but an error is thrown as a session's error.
  mutating func parts(of bytes: ArraySlice<UInt8>) throws(NRIError) -> [Part] {
    do { return try receive(bytes) } catch { throw .wire(error) }
  }

  /// `finish`, but an error is thrown as a session's error.
  func end() throws(NRIError) { do { try finish() } catch { throw .wire(error) } }
}
