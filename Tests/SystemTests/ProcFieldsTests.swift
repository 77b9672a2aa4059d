import System
import Testing

@Suite struct ProcFieldsTests {
  @Test("a field is found by its whole name at the start of a line, and nowhere else")
  func values() {
    let text = "Name:\tPid:\t7\r\nPid:\t4\nTracerPid:\t9\nSeccomp:\t2\nSeccomp:\t0\nVmPeak:\t   12 kB\n"
    #expect(ProcFields.values(of: "Pid", in: text) == ["4"])
    #expect(ProcFields.values(of: "Seccomp", in: text) == ["2", "0"])
    #expect(ProcFields.values(of: "VmPeak", in: text) == ["   12 kB"])
    #expect(ProcFields.values(of: "Uid", in: text).isEmpty)
  }

  @Test("a mask of capabilities is read by the kernel's numbers")
  func capabilities() {
    #expect(Capabilities.names.count == 41)
    #expect(Set(Capabilities.containerDefault).isSubset(of: Capabilities.names))
    #expect(
      Capabilities.available(inStatus: "CapBnd:\t0000010000200001\n") == [
        "CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE",
      ])
    #expect(Capabilities.available(inStatus: "CapBnd:\tx\n").isEmpty)
  }
}
