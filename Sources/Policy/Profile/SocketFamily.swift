/// A family of sockets, by the kernel's names: AF_NETLINK is `netlink`. Raw values are the kernel's numbers.
package enum SocketFamily: UInt8, CaseIterable, Sendable {
  case unix = 1
  case inet, ax25, ipx, appletalk, netrom, bridge, atmpvc, x25, inet6, rose, decnet, netbeui, security, key, netlink
  case packet, ash, econet, atmsvc, rds, sna, irda, pppox, wanpipe, llc, ib, mpls, can, tipc, bluetooth, iucv, rxrpc
  case isdn, phonet, ieee802154, caif, alg, nfc, vsock, kcm, qipcrtr, smc, xdp, mctp

  package var name: String { "\(self)" }

  /// Other names that the kernel has for a family.
  private static let aliases: KeyValuePairs<String, SocketFamily> = ["local": .unix, "route": .netlink]

  /// What a profile may write.
  package static let words = allCases.map(\.name) + aliases.map(\.key)

  package init?(word: String) {
    let found =
      Self.allCases.first { $0.name == word } ?? Self.aliases.first { $0.key == word }?.value
    guard let found else { return nil }
    self = found
  }
}
