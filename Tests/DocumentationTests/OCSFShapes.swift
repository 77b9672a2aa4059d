/// What OCSF 1.4.0 says of the classes and objects that records use: facts from its published schema. A record may have
/// no attribute that is not here.
enum OCSFShapes {
  /// The types of attributes, the same in every class and object. `thing[]` is a list. What is no simple type is an
  /// object of the table below; `any` may be anything.
  static let types = """
    string action activity_name class_name cmd_line direction disposition event_code hostname message name orchestrator
    string path protocol_name severity status status_detail title type uid vendor_name version
    integer pid port protocol_num
    long time
    boolean is_alert is_applied
    datetime time_dt
    ip ip
    uuid pod_uuid
    string[] labels profiles
    any data unmapped
    actor actor
    analytic analytic
    attack[] attacks
    container container
    device device
    endpoint dst_endpoint src_endpoint
    evidence[] evidences
    file file
    finding_info finding_info
    image image
    metadata metadata
    network_connection_info connection_info
    policy policy
    process process parent_process
    product product
    tactic tactic
    technique technique sub_technique
    user user
    """

  /// The attributes of classes and objects. `!` stands behind a required one, `?` behind those of which there must be
  /// at least one. The number of a class is its `class_uid`.
  static let attributes = """
    every time! time_dt category_uid! class_uid! class_name activity_id! activity_name type_uid! severity_id! severity
    every status_id status status_detail message metadata! action_id action disposition_id disposition policy is_alert
    every device attacks unmapped
    1001 actor! device! file!
    1007 actor! device! process!
    2004 finding_info! evidences actor
    4001 actor src_endpoint? dst_endpoint? connection_info
    actor process? user?
    analytic name? uid? type_id! type
    attack tactic? technique? sub_technique?
    container uid? name? image pod_uuid orchestrator labels
    device hostname? type_id! type
    endpoint ip? uid? name? hostname? port container
    evidence actor? process? data? device? container
    file name! path type_id!
    finding_info uid! title analytic attacks
    image uid! name
    metadata version! product! profiles event_code
    network_connection_info direction_id! direction protocol_num protocol_name protocol_ver_id
    policy name? uid? is_applied
    process pid? uid? name cmd_line file user parent_process container
    product name? uid? vendor_name
    tactic uid? name?
    technique uid? name?
    user uid? name?
    """

  /// Attributes with a list of values: of every class and object, or of one.
  static let values = """
    action_id 0 1 2 3 4 99
    category_uid 1 2 4
    class_uid 1001 1007 2004 4001
    direction_id 0 1 2 3 99
    disposition_id 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 99
    protocol_ver_id 0 4 6 99
    severity_id 0 1 2 3 4 5 6 99
    status_id 0 1 2 99
    2004.status_id 0 1 2 3 4 5 99
    1001.activity_id 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 99
    1007.activity_id 0 1 2 3 4 5 99
    2004.activity_id 0 1 2 3 99
    4001.activity_id 0 1 2 3 4 5 6 7 99
    analytic.type_id 0 1 2 3 4 5 6 7 8 9 10 11 99
    device.type_id 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 99
    file.type_id 0 1 2 3 4 5 6 7 99
    """
}
