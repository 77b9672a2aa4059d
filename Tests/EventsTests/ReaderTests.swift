import Events
import Glibc
import System
import Testing

/// config/collect/read_events.py, which relies on nothing but what docs/events.md says of the file.
@Suite struct ReaderTests {
  private static let program =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/config/collect/read_events.py"

  private final class Folder {
    let path: String
    var file: String { path + "/events.jsonl" }
    var sink: FileSink { FileSink(path: file, limitBytes: 400) }

    init() throws {
      var template = Array("/tmp/stockade-reader-XXXXXX".utf8CString)
      path = String(cString: mkdtemp(&template))
    }
    deinit {
      for name in (try? Files.names(in: path)) ?? [] { unlink("\(path)/\(name)") }
      rmdir(path)
    }

    /// Reads on from where the last reader ended.
    func run() throws -> ProgramRun {
      let run = try ProgramRun(
        "/usr/bin/python3", arguments: ["python3", program, "--once", file, path + "/position"], seconds: 60)
      if run.status != 0 { throw Errno(EINVAL, "read events: \(run.error)") }
      return run
    }

    func read() throws -> (numbers: [Int], said: String) {
      let run = try run()
      let numbers = run.output.split(separator: "\n").compactMap { line in
        line.split(separator: ":").last.flatMap { Int($0.dropLast().drop { $0 == " " }) }
      }
      return (numbers, run.error)
    }
  }

  private static func line(_ number: Int) -> String { #"{"kind":"exec","number":\#(number)}"# }

  @Test("each event is read once, in order, however often the reader is started and the file begun anew")
  func once() throws {
    let folder = try Folder(), sink = folder.sink
    var numbers: [Int] = []
    for number in 0..<200 {
      try sink.write(Self.line(number))
      // Fewer than a file has, so that no file is replaced unread.
      guard number % 7 == 6 else { continue }
      let (read, said) = try folder.read()
      #expect(said == "")
      numbers += read
    }
    #expect(numbers == Array(0..<196))
    #expect(Files.exists(folder.file + ".1"))
  }

  @Test("a line whose rest is still to come waits, and half a line that a killed process left is told alone")
  func half() throws {
    let folder = try Folder()
    try folder.sink.write(Self.line(1))
    try append(#"{"kind":"ex"#, folder.file)
    #expect(try folder.read() == ([1], ""))
    // A new process comes, and finds the half line.
    try folder.sink.write(Self.line(2))
    let (numbers, said) = try folder.read()
    #expect(numbers == [2] && said.contains("half a line"))
  }

  @Test("records of OCSF are read as Stockade's own are, and missing events are told", arguments: [true, false])
  func formats(isOCSF: Bool) throws {
    let folder = try Folder(), format = EventLineFormat(isOCSF ? .ocsf : .stockade, node: "n")
    let losses = EventLosses(timeNanoseconds: 0, counts: [], unwritten: 3)
    let lines = [Event.lost(losses), .tierLowered(TierLoss(timeNanoseconds: 0, from: .lsm, to: .signal, reason: "r"))]
      .map(format.line)
    let sink = FileSink(path: folder.file)
    for line in lines { try sink.write(line) }
    let run = try folder.run()
    #expect(run.output.split(separator: "\n").map { $0.filter { $0 != " " } } == lines.map { $0.filter { $0 != " " } })
    #expect(run.error == "events are missing: {'eventsUnwritten': 3}\n")
  }

  @Test("who reads too seldom is told that events are missing")
  func missing() throws {
    let folder = try Folder(), sink = folder.sink
    try sink.write(Self.line(0))
    #expect(try folder.read().numbers == [0])
    for number in 1..<60 { try sink.write(Self.line(number)) }
    let (numbers, said) = try folder.read()
    #expect(numbers.last == 59 && numbers.first! > 1 && said.contains("events are missing"))
  }

  private func append(_ text: String, _ path: String) throws {
    try FileDescriptor(open: path, O_WRONLY | O_APPEND).write(text.utf8)
  }
}
