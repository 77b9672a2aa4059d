import Glibc

/// Folders in which programs are looked for by their names. execvp(3).
package struct SearchPath: Sendable {
  package var folders: [String]

  package init(_ folders: [String]) { self.folders = folders }

  /// PATH of this process.
  ///
  /// - Parameter fallback: the folders if there is no PATH: what glibc uses then, unless told otherwise.
  package static func current(fallback: String = "/bin:/usr/bin") -> SearchPath {
    let path = getenv("PATH").map { String(cString: $0) } ?? fallback
    return SearchPath(path.split(separator: ":").map(String.init))
  }

  /// The path of the first program of that name. A name with a slash is a path already.
  ///
  /// - Throws: EACCES if the programs of that name may not be run; ENOENT if there are none.
  package func find(_ name: String) throws(Errno) -> String {
    let paths = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
    var problem = ENOENT
    for path in paths {
      if access(path, X_OK) == 0 { return path }
      if errno == EACCES { problem = EACCES }
    }
    throw Errno(problem, "run \(name)")
  }
}
