import Glibc
import Policy
import System
import Testing

@Suite struct Stores {
  private func message(_ store: ResolvedProfiles, _ name: String) -> String? {
    do throws(PolicyError) { _ = try store.profile(named: name) } catch { return error.description }
    return nil
  }

  @Test("a folder's profiles are read and resolved; other files are not")
  func read() throws {
    try withFolder { folder in
      try Files.write(file("mode: Audit", name: "base"), to: "\(folder)/1.yaml")
      try Files.write(file("extends: [base]"), to: "\(folder)/0.yaml")
      for name in [".hidden.yaml", "notes.txt", ".yaml", "docker.json"] {
        try Files.write("{", to: "\(folder)/\(name)")
      }
      var store = ResolvedProfiles(folder: folder)
      #expect(store.reload() == .init(changed: ["base", "web"], messages: []))
      #expect(store.names == ["base", "web"])
      #expect(try store.profile(named: "web").mode == .audit)
      #expect(store.reload() == .init())
    }
  }

  @Test(
    "a profile that does not exist is looked for in the broken files that may hold it, and in those that are not read",
    arguments: [
      ([:], "; add it or choose another"),
      (["a.yaml": "{"], "; add it or choose another"),
      (["a.yaml": file("mode: Adit", name: "other")], "; add it or choose another"),
      (["web.yaml": file("mode: Adit", name: "other")], "; add it or choose another"),
      (
        ["a.yaml": "{", "b.yaml": file("mode: Adit")],
        "; it may be in a file that has errors: F/b.yaml:5: spec.mode is the text \"Adit\"; did you mean \"Audit\"?"
      ),
      (
        ["a.yaml": "{", "b.yaml": "metadata: {name: \"web\"}\nspec: {"],
        "; it may be in a file that has errors: F/b.yaml:2: the text ends within brackets; add what closes them"
      ),
      (
        ["a.yaml": "{", "web.yaml": "{"],
        "; it may be in a file that has errors: F/web.yaml:1: the text ends within brackets; add what closes them"
      ),
      (["a.yaml": "{", "wbe.yaml": file("mode: Audit", name: "wbe")], "; did you mean \"wbe\"?"),
      (["web.yml": file("mode: Audit")], "; F/web.yml is not read: its name does not end in .yaml"),
    ] as [([String: String], String)])
  func missing(files: [String: String], advice: String) throws {
    try withFolder { folder in
      for (name, text) in files { try Files.write(text, to: "\(folder)/\(name)") }
      var store = ResolvedProfiles(folder: folder)
      _ = store.reload()
      #expect(
        message(store, "web")?.replacing(folder, with: "F") == "profile \"web\" does not exist: looked in F" + advice)
    }
  }

  @Test("a profile whose base is broken is pointed at the base's file")
  func brokenBase() throws {
    try withFolder { folder in
      try Files.write(file("mode: Adit", name: "base"), to: "\(folder)/0.yaml")
      try Files.write(file("extends: [base]"), to: "\(folder)/1.yaml")
      var store = ResolvedProfiles(folder: folder)
      let error = "\(folder)/0.yaml:5: spec.mode is the text \"Adit\"; did you mean \"Audit\"?"
      #expect(
        store.reload().messages == [
          error, "\(folder)/1.yaml:5: extends \"base\", whose file has errors; mend it first: \(error)",
        ])
    }
  }

  @Test("a file with errors is also asked what else is wrong with it")
  func further() throws {
    try withFolder { folder in
      let path = "\(folder)/web.yaml"
      try Files.write(file("mode: Adit\nextends: [base]"), to: path)
      var store = ResolvedProfiles(folder: folder) {
        [Problem(Location(file: $0.file, line: 4), "\($0.name) is no use")]
      }
      #expect(
        store.reload().messages == [
          "\(path):4: web is no use", "\(path):5: spec.mode is the text \"Adit\"; did you mean \"Audit\"?",
          "\(path):6: extends \"base\", which does not exist in \(folder); add it or remove it here",
        ])
    }
  }

  @Test("a file that breaks keeps its last good version until it is good again or gone")
  func lastGood() throws {
    try withFolder { folder in
      let path = "\(folder)/web.yaml"
      var store = ResolvedProfiles(folder: folder)
      try Files.write(file("mode: Audit"), to: path)
      _ = store.reload()
      try Files.write(file("mode: Enfroce\nfailurePolicy: No"), to: path)
      #expect(
        store.reload()
          == .init(
            changed: [],
            messages: [
              "\(path):5: spec.mode is the text \"Enfroce\"; did you mean \"Enforce\"?",
              "\(path):6: spec.failurePolicy is the text \"No\"; write Fail or Ignore",
            ].map { "\($0) (the last good version stays in force)" }))
      #expect(try store.profile(named: "web").mode == .audit)
      try Files.write(file("mode: Enforce"), to: path)
      #expect(store.reload() == .init(changed: ["web"], messages: []))
      #expect(try store.profile(named: "web").mode == .enforce)
      unlink(path)
      #expect(store.reload() == .init(changed: ["web"], messages: []))
      #expect(message(store, "web") != nil)
    }
  }

  @Test("a profile whose base goes away keeps its last good version; a new one is refused")
  func lostBase() throws {
    try withFolder { folder in
      try Files.write(file("mode: Audit", name: "base"), to: "\(folder)/base.yaml")
      try Files.write(file("extends: [base]"), to: "\(folder)/web.yaml")
      var store = ResolvedProfiles(folder: folder)
      _ = store.reload()
      unlink("\(folder)/base.yaml")
      let problem =
        "\(folder)/web.yaml:5: extends \"base\", which does not exist in \(folder); "
        + "add it or remove it here"
      #expect(
        store.reload()
          == .init(changed: ["base"], messages: ["\(problem) (the last good version stays in force)"]))
      #expect(try store.profile(named: "web").mode == .audit)
      var fresh = ResolvedProfiles(folder: folder)
      #expect(fresh.reload() == .init(changed: [], messages: [problem]))
      #expect(message(fresh, "web") == problem)
    }
  }

  @Test("two files with one name are both refused, each naming the other")
  func sharedName() throws {
    try withFolder { folder in
      let (a, b) = ("\(folder)/a.yaml", "\(folder)/b.yaml")
      try Files.write(file("mode: Audit"), to: a)
      var store = ResolvedProfiles(folder: folder)
      _ = store.reload()
      try Files.write(file("mode: Enforce"), to: b)
      #expect(
        store.reload().messages == [
          "\(a):3: metadata.name \"web\" is also in \(b):3; rename one of them (the last good version stays in force)",
          "\(b):3: metadata.name \"web\" is also in \(a):3; rename one of them",
        ])
      #expect(try store.profile(named: "web").mode == .audit)
      unlink(a)
      _ = store.reload()
      #expect(try store.profile(named: "web").mode == .enforce)
    }
  }

  @Test("a name that moves to another file is taken from there, though the old file is broken")
  func movedName() throws {
    try withFolder { folder in
      try Files.write(file("mode: Audit"), to: "\(folder)/a.yaml")
      var store = ResolvedProfiles(folder: folder)
      _ = store.reload()
      try Files.write("{", to: "\(folder)/a.yaml")
      try Files.write(file("mode: Enforce"), to: "\(folder)/b.yaml")
      #expect(store.reload().changed == ["web"])
      #expect(try store.profile(named: "web").mode == .enforce)
    }
  }

  @Test("what is no regular file is refused without being opened")
  func pipe() throws {
    try withFolder { folder in
      #expect(mkfifo("\(folder)/a.yaml", 0o600) == 0)
      try Files.write(file("mode: Audit"), to: "\(folder)/b.yml")
      var store = ResolvedProfiles(folder: folder)
      #expect(
        store.reload().messages == [
          "\(folder)/b.yml is not read; rename it to end in .yaml",
          "cannot read \(folder)/a.yaml, which is no regular file: invalid argument",
        ])
    }
  }

  @Test("a folder that cannot be read changes nothing and says so")
  func noFolder() throws {
    var store = ResolvedProfiles(folder: "/nonexistent")
    #expect(
      store.reload().messages == [
        "cannot list /nonexistent: no such file or directory; the profiles that were read before stay in force"
      ])
  }

  @Test("as many files as the limit are read, and what is left out is said")
  func files() throws {
    try withFolder { folder in
      var store = ResolvedProfiles(folder: folder)
      for number in 1000..<1000 + ProfileFolder.filesMax {
        try Files.write(file("mode: Audit", name: "p\(number)"), to: "\(folder)/\(number).yaml")
      }
      #expect(store.reload().messages == [] && store.names.count == ProfileFolder.filesMax)
      try Files.write(file("mode: Audit", name: "last"), to: "\(folder)/last.yaml")
      #expect(store.reload().messages == ["\(folder) has 1025 profiles; only the first 1024 are read"])
      #expect(store.names.count == ProfileFolder.filesMax)
    }
  }

  @Test("one file is loaded with its bases from the same folder")
  func single() throws {
    try withFolder { folder in
      try Files.write(file("mode: Audit", name: "base"), to: "\(folder)/base.yaml")
      try Files.write(file("extends: [base]"), to: "\(folder)/web.profile")
      try Files.write("{", to: "\(folder)/other.yaml")
      #expect(try Profile.load(file: "\(folder)/web.profile").mode == .audit)
      #expect(throws: PolicyError.self) { try Profile.load(file: "\(folder)/other.yaml") }
      #expect(throws: PolicyError.self) { try Profile.load(file: "\(folder)/missing.yaml") }
    }
  }
}
