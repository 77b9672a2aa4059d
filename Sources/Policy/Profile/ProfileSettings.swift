/// A key of a profile that is no rule, and that changes what its rules come to.
package struct ProfileSetting: Equatable, Sendable {
  package var key: String
  package var value: String
  /// How much it lets pass: of two values, the greater lets more pass.
  package var laxity: Int
}

extension Profile {
  package var settings: [ProfileSetting] {
    [
      ProfileSetting(key: "mode", value: mode.rawValue, laxity: mode == .audit ? 1 : 0),
      ProfileSetting(key: "failurePolicy", value: failurePolicy.rawValue, laxity: failurePolicy == .ignore ? 1 : 0),
      ProfileSetting(key: "minimumTier", value: minimumTier.name, laxity: -minimumTier.rawValue),
      ProfileSetting(key: "acceptPartial", value: "\(acceptPartial)", laxity: acceptPartial ? 1 : 0),
      ProfileSetting(key: "requireFilter", value: "\(requireFilter)", laxity: requireFilter ? 0 : 1),
      // Which of two filters lets more pass is not known.
      ProfileSetting(key: "seccomp.replacesPod", value: "\(seccomp?.replacesPod ?? false)", laxity: 0),
    ]
  }
}
