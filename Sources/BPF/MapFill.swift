import CStockade

/// How many elements one of the kernel's tables has, and how many it can take.
package struct MapFill: Equatable, Sendable {
  /// The map's name.
  package var name: String
  package var count: Int
  package var limit: Int

  package init<Limit: BinaryInteger>(_ name: String, _ count: Int, of limit: Limit) {
    (self.name, self.count, self.limit) = (name, count, Int(limit))
  }
}

extension PolicyMaps {
  /// How full the tables are that refuse something when they are full. This walks all of them, so it is not for every
  /// few seconds.
  package func fills() throws(BPFError) -> [MapFill] {
    [
      MapFill(
        "containers", try containersMap.count(zero: (CgroupID(0), stockade_container())), of: STOCKADE_CONTAINERS_MAX),
      MapFill(
        "entrypoints", try entrypoints.count(zero: (CgroupID(0), stockade_process())), of: STOCKADE_CONTAINERS_MAX),
      MapFill("stray_counts", try strays.countShares(), of: STOCKADE_CONTAINERS_MAX),
      MapFill("gates", try gates.all().count, of: STOCKADE_GATES_MAX),
      MapFill("sandboxes", try gates.allSandboxes().count, of: STOCKADE_GATES_MAX),
      MapFill("policies", try revisions().count, of: STOCKADE_POLICIES_MAX),
      MapFill("path_rules", try rules.count(), of: STOCKADE_PATH_RULES_MAX),
      MapFill("arguments", try arguments.count(), of: STOCKADE_ARGUMENTS_MAX),
      MapFill("strays", try strays.count(), of: STOCKADE_STRAYS_MAX),
    ]
  }
}
