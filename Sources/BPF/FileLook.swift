import CBPF
import CStockade
import System

/// What a file is to a container whose root is an overlay.
package struct FileLook: Equatable, Sendable {
  /// Whether the file is of the root overlay, and nobody wrote it, copied it up or linked it since the root was made.
  package var isOfImage: Bool
  /// Whether the file is the root of the root overlay.
  package var isRoot: Bool

  package init(isOfImage: Bool, isRoot: Bool) { (self.isOfImage, self.isRoot) = (isOfImage, isRoot) }
}

/// Looks at files. Only a program of the kernel can tell what overlayfs knows of a file.
struct FileLooks: Sendable {
  private let program: FileDescriptor

  init(mark: BPFObject) throws(BPFError) { program = try mark.program("look_at_file") }

  func look(at file: FileDescriptor, rootDevice: UInt32) throws(BPFError) -> FileLook {
    let context = [UInt64(file.number), UInt64(rootDevice)]
    let found = try runOnDemand(program, context, "run the program that looks at a file")
    return FileLook(
      isOfImage: found & STOCKADE_FILE_IS_OF_IMAGE.rawValue != 0, isRoot: found & STOCKADE_FILE_IS_ROOT.rawValue != 0)
  }
}

/// Runs a program on demand, in the current task. BPF_PROG_TEST_RUN of bpf(2).
///
/// - Parameter action: for messages.
/// - Returns: what the program returns.
func runOnDemand(_ program: FileDescriptor, _ context: [UInt64], _ action: String) throws(BPFError) -> UInt32 {
  var context = context
  var options = bpf_test_run_opts()
  options.sz = MemoryLayout<bpf_test_run_opts>.size
  let result = context.withUnsafeMutableBytes { bytes in
    options.ctx_in = UnsafeRawPointer(bytes.baseAddress)
    options.ctx_size_in = UInt32(bytes.count)
    return bpf_prog_test_run_opts(program.number, &options)
  }
  if result < 0 { throw .system(Errno(-result, action)) }
  return options.retval
}
