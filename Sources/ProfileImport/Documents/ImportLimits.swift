/// Limits of one file. A text has those of every YAML text (`Node.fileMaxBytes`).
package enum ImportLimits {
  package static let documents = 256
  /// Notes beyond it are counted, and count as lost.
  package static let notes = 1000
}
