/// Paths by whose names one can tell that they hold secrets. They get a rule of their own each, and no folder above
/// them is opened.
enum SecretPath {
  private static let folders: Set<String> = [
    "secrets", "secret", "private", "credentials", ".ssh", ".gnupg", ".aws", ".azure", ".gcloud", ".kube", ".docker",
  ]
  private static let files: Set<String> = [
    "shadow", "shadow-", "gshadow", "gshadow-", "token", "password", "passwords", "credentials", "credentials.json",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".pgpass", ".netrc", ".htpasswd", ".git-credentials", ".npmrc",
    ".env",
  ]
  private static let endings = [".key", "key.pem", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", "-token", "_token"]
  /// Where the kubelet and container engines mount secrets.
  private static let mounts = ["/run/secrets", "/var/run/secrets", "/var/lib/kubelet"].map { NamedPath($0) }

  static func matches(_ path: NamedPath) -> Bool {
    if holds(path.folder) { return true }
    let name = String(decoding: path.names.last ?? [], as: UTF8.self).lowercased()
    return files.contains(name) || endings.contains { name.hasSuffix($0) }
  }

  /// Whether everything in a folder is a secret.
  static func holds(_ folder: NamedPath) -> Bool {
    mounts.contains(where: folder.isAtOrIn)
      || folder.names.contains { folders.contains(String(decoding: $0, as: UTF8.self).lowercased()) }
  }
}
