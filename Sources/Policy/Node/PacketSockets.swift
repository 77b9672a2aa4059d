extension Profile {
  /// The gap of a container whose processes can send and receive past the network rules. Nobody is refused for it,
  /// since a runtime gives CAP_NET_RAW to every container that does not drop it.
  func gapsByPacketSockets(
    on node: NodeCapabilities, of container: ContainerFacts, omitting omissions: Set<Assessment.Omission>
  ) -> [Gap] {
    guard mode == .enforce, container.hasNetRaw == true, !container.isSandboxed else { return [] }
    // Where no network rule is in force, that is told already.
    guard node.networkProblem == nil, container.failure == nil, !omissions.contains(.networkRules) else { return [] }
    let isNamed = kernelBlock.contains(.packetSockets) || socketFamilies?.isDisjoint(with: [.packet, .xdp]) == true
    let isBlocked = isNamed && node.tier >= .fmodRet && !omissions.contains(.processRules)
    let isFiltered = container.filterDeniesPacketSockets && container.process?.hasFilter != false
    let directions = [network.egress, network.ingress].compactMap(\.self)
    guard !isBlocked, !isFiltered, directions.contains(where: { $0.strictest == .block }) else { return [] }
    return [
      Gap(
        subject: "network for packet sockets",
        location: directions.flatMap(\.rules).first { $0.action == .block }?.location, coverage: .none,
        why:
          "with CAP_NET_RAW, which runtimes give by default, a process sends and receives past every network rule by "
          + "AF_PACKET or AF_XDP",
        remedy: "drop NET_RAW in the pod, or add packetSockets to kernel.block for nodes with tier fmod_ret or lsm")
    ]
  }
}
