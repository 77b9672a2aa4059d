import Glibc

/// Memory into which is read again and again. Memory for each read would cost more than the read of a short message.
package final class ReadBuffer {
  private let memory: UnsafeMutableRawBufferPointer

  package init(bytes: Int) { memory = .allocate(byteCount: bytes, alignment: 1) }

  deinit { memory.deallocate() }

  /// What one read gives; empty at the end. read(2).
  package func read(_ file: FileDescriptor) throws(Errno) -> [UInt8] {
    let count = try call("read") { Glibc.read(file.number, memory.baseAddress, memory.count) }
    return [UInt8](memory[..<count])
  }
}
