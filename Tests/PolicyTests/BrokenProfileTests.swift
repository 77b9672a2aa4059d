import Policy
import System
import Testing

@Suite struct BrokenProfiles {
  @Test(
    "a broken file is refused with what was found and what to do",
    arguments: [
      ("", "p.yaml:1: the file is empty; write a profile"),
      (
        "- a",
        "p.yaml:1: the file is a list; write a mapping with the keys apiVersion, kind, metadata, spec"
      ),
      (
        "{}",
        """
        p.yaml:1: the file has no apiVersion; add apiVersion: stockade.dev/v1alpha1
        p.yaml:1: the file has no kind; add kind: SecurityProfile
        p.yaml:1: the file has no metadata; add metadata: {name: NAME}
        p.yaml:1: the file has no spec; add a mapping with the profile's rules
        """
      ),
      (
        "apiVersion: stockade.dev/v1\nkind: Pod\nmetadata: {name: a}\nspec: {mode: Audit}\nstatus: {}\n",
        """
        p.yaml:1: apiVersion is "stockade.dev/v1"; write stockade.dev/v1alpha1
        p.yaml:2: kind is "Pod"; write SecurityProfile
        p.yaml:5: unknown key "status" in the file; its keys are apiVersion, kind, metadata, spec
        """
      ),
      (file("mode: Audit") + "spec: {}\n", "p.yaml:6: the key \"spec\" is already at line 4; remove one of them"),
      (file("mode: Audit") + "---\n", "p.yaml:6: a second document; one file holds one document"),
      (file("mode: &a Audit"), "p.yaml:5: the anchor \"&a\"; write the value out where it is used"),
      (file("mode: \"Au\u{0}dit\""), "p.yaml:5: a NUL byte; remove it"),
      (
        "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: a}\nspec:\n",
        """
        p.yaml:4: spec is nothing; write a mapping with the keys mode, failurePolicy, minimumTier, acceptPartial, \
        extends, requireFilter, seccomp, process, file, network, kernel
        """
      ),
      (
        "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: a}\nspec: {}\n",
        "p.yaml:4: spec is empty; add to it or leave it out"
      ),
      (
        "apiVersion: 1\nkind: SecurityProfile\nmetadata: {name: a, labels: {}}\nspec: {mode: Audit}\n",
        """
        p.yaml:1: apiVersion is the number 1; write it in quotes
        p.yaml:3: unknown key "labels" in metadata; its keys are name
        """
      ),
    ])
  func heads(text: String, message: String) { #expect(problems(of: text) == message) }

  @Test(
    "a name that no profile can have is refused",
    arguments: [
      ("''", "metadata.name is empty; write a text"),
      ("7", "metadata.name is the number 7; write it in quotes"),
      ("[a]", "metadata.name is a list; write a text"),
      ("unconfined", "metadata.name is \"unconfined\", which stands for no profile; choose another name"),
      ("a/b", nameAdvice("a/b")), ("..", nameAdvice("..")), ("Web", nameAdvice("Web")), ("web-", nameAdvice("web-")),
      ("a_b", nameAdvice("a_b")), ("\"a\\nb\"", nameAdvice("a\\nb")),
    ])
  func names(name: String, message: String) {
    #expect(problems(of: file("mode: Audit", name: name)) == "p.yaml:3: \(message)")
  }

  @Test(
    "a setting that is misspelt, misplaced or of the wrong type is refused",
    arguments: [
      ("mdoe: Audit", "p.yaml:5: unknown key \"mdoe\" in spec; did you mean \"mode\"?"),
      ("mode: audit", "p.yaml:5: spec.mode is the text \"audit\"; did you mean \"Audit\"?"),
      ("mode: Permissive", "p.yaml:5: spec.mode is the text \"Permissive\"; write Enforce or Audit"),
      ("mode: true", "p.yaml:5: spec.mode is the boolean true; write Enforce or Audit"),
      ("mode:", "p.yaml:5: spec.mode is nothing; write Enforce or Audit"),
      ("failurePolicy: Fial", "p.yaml:5: spec.failurePolicy is the text \"Fial\"; did you mean \"Fail\"?"),
      ("minimumTier: fmodRet", "p.yaml:5: spec.minimumTier is the text \"fmodRet\"; did you mean \"fmod_ret\"?"),
      ("minimumTier: 2", "p.yaml:5: spec.minimumTier is the number 2; write none, signal, fmod_ret or lsm"),
      ("acceptPartial: yes", "p.yaml:5: spec.acceptPartial is the text \"yes\"; write true or false"),
      ("requireFilter: 'true'", "p.yaml:5: spec.requireFilter is the text \"true\"; write true or false"),
      ("extends: base", "p.yaml:5: spec.extends is the text \"base\"; write a list"),
      ("extends: []", "p.yaml:5: spec.extends is empty; add to it or leave it out"),
      ("extends: [web]", "p.yaml:5: spec.extends[0] is the profile itself; remove it"),
      ("extends: [a, 1]", "p.yaml:5: spec.extends[1] is the number 1; write it in quotes"),
      ("extends: [a, a]", "p.yaml:5: spec.extends names \"a\" twice; remove one"),
      ("extends: [../a]", "p.yaml:5: " + nameAdvice("../a").replacing("metadata.name", with: "spec.extends[0]")),
      (
        "extends: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]",
        "p.yaml:5: spec.extends has 17 elements; at most 16 fit"
      ),
      ("extends: [base]", "p.yaml:5: extends \"base\", which does not exist in profiles; add it or remove it here"),
      (
        "minimumTier: signal\nfile: {defaultAction: Audit}",
        """
        p.yaml:5: minimumTier signal cannot enforce spec.file; write fmod_ret or lsm, or leave minimumTier out
        """
      ),
      (
        "kernel: {block: [mount]}\nminimumTier: signal",
        """
        p.yaml:6: minimumTier signal cannot enforce spec.kernel; write fmod_ret or lsm, or leave minimumTier out
        """
      ),
      (
        "kernel: {block: [mount, mount, ptrase], allow: [bpf]}",
        """
        p.yaml:5: unknown key "allow" in spec.kernel; its keys are block, sockets, otherContainers
        p.yaml:5: spec.kernel.block names mount twice; remove one
        p.yaml:5: spec.kernel.block[2] is the text "ptrase"; did you mean "ptrace"?
        """
      ),
      (
        "kernel: {sockets: [unix, inet, inet, inet5, AF_UNIX, 7]}",
        """
        p.yaml:5: spec.kernel.sockets names "inet" twice; remove one
        p.yaml:5: spec.kernel.sockets[5] is the number 7; write it in quotes
        p.yaml:5: spec.kernel.sockets[3] is "inet5"; did you mean "inet"?
        p.yaml:5: spec.kernel.sockets[4] is "AF_UNIX"; did you mean "unix"?
        """
      ),
      (
        "kernel: {sockets: [everything]}",
        """
        p.yaml:5: spec.kernel.sockets[0] is "everything"; write the kernel's name without AF_, like unix, inet, inet6 or \
        netlink
        """
      ),
      ("kernel: {block: []}", "p.yaml:5: spec.kernel.block is empty; add to it or leave it out"),
      ("kernel: {}", "p.yaml:5: spec.kernel is empty; add to it or leave it out"),
    ])
  func settings(spec: String, message: String) { #expect(problems(of: file(spec)) == message) }

  @Test(
    "a process or file section that means nothing is refused",
    arguments: [
      ("process: {}", "p.yaml:5: spec.process is empty; add to it or leave it out"),
      (
        "process: [a]",
        """
        p.yaml:5: spec.process is a list; write a mapping with the keys defaultAction, allowEntrypoint, \
        newExecutables, fileless, rules
        """
      ),
      (
        "process: {defaultAction: Deny}",
        """
        p.yaml:5: spec.process.defaultAction is the text "Deny"; write Allow, Audit or Block
        """
      ),
      (
        "process: {newExecutable: Block}",
        """
        p.yaml:5: unknown key "newExecutable" in spec.process; did you mean "newExecutables"?
        """
      ),
      ("process: {rules: []}", "p.yaml:5: spec.process.rules is empty; add to it or leave it out"),
      (
        "process: {rules: [/bin/sh]}",
        """
        p.yaml:5: spec.process.rules[0] is the text "/bin/sh"; write a mapping with the keys path, directory, \
        recursive, access, action, new, arguments, tags
        """
      ),
      (
        "process:\n  rules:\n  - {}",
        """
        p.yaml:7: spec.process.rules[0] has neither path nor directory; add one
        p.yaml:7: spec.process.rules[0] has no action; add Allow, Audit or Block
        """
      ),
      ("file: {rules: [{path: /a}]}", "p.yaml:5: spec.file.rules[0] has no action; add Allow, Audit or Block"),
      (
        "file: {newExecutables: Block}",
        """
        p.yaml:5: unknown key "newExecutables" in spec.file; its keys are defaultAction, rules
        """
      ),
      (
        "file: {rules: [{path: /a, action: Block, new: true, arguments: [{equals: a, action: Block}]}]}",
        """
        p.yaml:5: spec.file.rules[0].new belongs to spec.process; remove it
        p.yaml:5: spec.file.rules[0].arguments belongs to spec.process; remove it
        """
      ),
      (
        "file: {rules: [{path: /a, action: Block, access: [Exec]}]}",
        """
        p.yaml:5: spec.file.rules[0].access[0] is the text "Exec"; write Read or Write
        """
      ),
      (
        "file: {rules: [{path: /a, action: Block, access: []}]}",
        """
        p.yaml:5: spec.file.rules[0].access is empty; add to it or leave it out
        """
      ),
      (
        "file: {rules: [{path: /a, action: Block, access: [Read, Read]}]}",
        """
        p.yaml:5: spec.file.rules[0].access names Read twice; remove one
        """
      ),
    ])
  func sections(spec: String, message: String) { #expect(problems(of: file(spec)) == message) }

  @Test(
    "a process rule that is unclear is refused",
    arguments: [
      (
        "{path: bin/sh, action: Block}",
        """
        .path "bin/sh" is relative; write it from the container's root, with a leading /
        """
      ),
      ("{path: /bin/, action: Block}", ".path \"/bin/\" ends in /; write directory for a folder's contents"),
      ("{path: /, action: Block}", ".path \"/\" ends in /; write directory for a folder's contents"),
      ("{path: /bin//sh, action: Block}", ".path \"/bin//sh\" has //; write one slash"),
      ("{directory: /bin//, action: Block}", ".directory \"/bin//\" has //; write one slash"),
      ("{directory: //, action: Block}", ".directory \"//\" has //; write one slash"),
      ("{path: /bin/./sh, action: Block}", ".path \"/bin/./sh\" has the component . ; remove it"),
      ("{directory: /bin/., action: Block}", ".directory \"/bin/.\" has the component . ; remove it"),
      (
        "{path: /bin/../sh, action: Block}",
        """
        .path "/bin/../sh" has the component ..; write the path that it leads to
        """
      ),
      (
        "{path: /bin/..\u{301}/../sh, action: Block}",
        """
        .path "/bin/..\u{301}/../sh" has the component ..; write the path that it leads to
        """
      ),
      ("{path: \"/bin/\\tsh\", action: Block}", ".path \"/bin/\\tsh\" has a control character; remove it"),
      (
        "{path: /usr/bin/*, action: Block}",
        """
        .path "/usr/bin/*" has a *, and patterns are not known here; write directory with recursive: true
        """
      ),
      ("{path: '', action: Block}", ".path is empty; write a text"),
      ("{path: [/a], action: Block}", ".path is a list; write a text"),
      ("{path: /a, directory: /b, action: Block}", ".directory stands beside path; make two rules of it"),
      (
        "{path: /a, recursive: true, action: Block}",
        """
        .recursive belongs to a directory rule; remove it or write directory instead of path
        """
      ),
      (
        "{directory: /a, recursive: deep, action: Block}",
        """
        .recursive is the text "deep"; write true or false
        """
      ),
      (
        "{path: /a, access: [Read], action: Block}",
        """
        .access belongs to spec.file; process rules are about execution
        """
      ),
      ("{path: /a, new: true, action: Block}", ".new has no meaning in a Block rule; remove it"),
      ("{path: /a, acton: Block, action: Block}", " unknown key"),
      (
        "{path: /a, action: Block, arguments: [{equals: -x, action: Allow}]}",
        """
        .arguments stands in a Block rule, which blocks whatever the arguments; remove it
        """
      ),
      (
        "{path: /a, action: Allow, arguments: [{equals: -x, action: Allow}]}",
        """
        .arguments only repeats the rule's action Allow; remove it or change an action
        """
      ),
      ("{path: /a, action: Allow, arguments: []}", ".arguments is empty; add to it or leave it out"),
      (
        "{path: /a, action: Allow, arguments: [{action: Block}]}",
        """
        .arguments[0] needs one of contains, equals and prefix; it has 0
        """
      ),
      (
        "{path: /a, action: Allow, arguments: [{equals: a, prefix: b, action: Block}]}",
        """
        .arguments[0] needs one of contains, equals and prefix; it has 2
        """
      ),
      (
        "{path: /a, action: Allow, arguments: [{equals: -1, action: Block}]}",
        """
        .arguments[0].equals is the number -1; write it in quotes
        """
      ),
      (
        "{path: /a, action: Allow, arguments: [{contains: '', action: Block}]}",
        """
        .arguments[0].contains is empty; write a text
        """
      ),
      ("{path: /a, action: Allow, arguments: [{equals: a}]}", ".arguments[0] has no action; add Allow, Audit or Block"),
      (
        "{path: /a, action: Allow, arguments: [{equals: a, index: -1, action: Block}]}",
        """
        .arguments[0].index is the number -1; write a number from 0 to 4095
        """
      ),
      (
        "{path: /a, action: Allow, arguments: [{equals: a, index: 4096, action: Block}]}",
        """
        .arguments[0].index is the number 4096; write a number from 0 to 4095
        """
      ),
      ("{path: /a, action: Allow, arguments: [{regex: a, action: Block}]}", " unknown argument key"),
    ])
  func processRules(rule: String, message: String) {
    let place = "p.yaml:7: spec.process.rules[0]"
    let special = [
      " unknown key": "p.yaml:7: unknown key \"acton\" in spec.process.rules[0]; did you mean \"action\"?",
      " unknown argument key": """
      p.yaml:7: unknown key "regex" in spec.process.rules[0].arguments[0]; \
      its keys are contains, equals, prefix, index, action
      """,
    ]
    #expect(problems(of: file("process:\n  rules:\n  - \(rule)")) == special[message] ?? place + message)
  }

  @Test(
    "two rules of one file that decide the same are refused",
    arguments: [
      (
        "process:\n  rules:\n  - {path: /a, action: Block}\n  - {path: /a, action: Allow}",
        "p.yaml:8: path \"/a\" Allow contradicts Block at line 7; remove one of them"
      ),
      (
        "process:\n  rules:\n  - {path: /a, action: Block}\n  - {path: /a, action: Block}",
        "p.yaml:8: path \"/a\" Block is already decided at line 7; remove one of them"
      ),
      (
        "process:\n  rules:\n  - {directory: /a, action: Block}\n  - {directory: /a/, action: Allow}",
        "p.yaml:8: directory \"/a\" Allow contradicts Block at line 7; remove one of them"
      ),
      (
        "file:\n  rules:\n  - {path: /a, action: Block}\n  - {path: /a, access: [Read], action: Allow}",
        "p.yaml:8: path \"/a\" Allow contradicts Block at line 7; remove one of them"
      ),
      (
        """
        network:
          egress:
            rules:
            - {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16], action: Block}
            - {cidr: 10.0.0.0/8, except: [10.2.0.0/16, 10.1.0.0/16], action: Allow}
        """,
        "p.yaml:9: this Allow rule contradicts Block in the one at line 8, which matches the same; remove one of them"
      ),
      (
        """
        network:
          ingress:
            rules:
            - {ports: [{port: 80}, {port: 443}], action: Allow}
            - {ports: [{protocol: TCP, port: 443}, {port: 80}], action: Allow}
        """,
        "p.yaml:9: this Allow rule repeats the one at line 8, which matches the same; remove one of them"
      ),
    ])
  func repeated(spec: String, message: String) { #expect(problems(of: file(spec)) == message) }

  @Test(
    "a network rule that is unclear is refused",
    arguments: [
      ("{action: Block}", " has neither cidr nor ports; add one, or write defaultAction instead of the rule"),
      ("{cidr: 10.0.0.0/8}", " has no action; add Allow, Audit or Block"),
      ("{cidr: 10.0.0.1/8, action: Block}", ".cidr \"10.0.0.1/8\" has bits set after its prefix; write 10.0.0.0/8"),
      ("{cidr: 10.0.0.1, action: Block}", ".cidr \"10.0.0.1\" has no prefix length; write 10.0.0.1/32"),
      ("{cidr: 'fd00::', action: Block}", ".cidr \"fd00::\" has no prefix length; write fd00::/128"),
      (
        "{cidr: 10.0.0.0/33, action: Block}",
        """
        .cidr "10.0.0.0/33" has the prefix length 33; write a number from 0 to 32
        """
      ),
      (
        "{cidr: 'fd00::/129', action: Block}",
        """
        .cidr "fd00::/129" has the prefix length 129; write a number from 0 to 128
        """
      ),
      (
        "{cidr: 10.0.0.0/+8, action: Block}",
        """
        .cidr "10.0.0.0/+8" has the prefix length +8; write a number from 0 to 32
        """
      ),
      (
        "{cidr: 010.0.0.0/8, action: Block}",
        """
        .cidr "010.0.0.0/8" is no IP address with a prefix length; write it like 10.0.0.0/8 or fd00::/8
        """
      ),
      (
        "{cidr: example.com, action: Block}",
        """
        .cidr "example.com" is no IP address with a prefix length; write it like 10.0.0.0/8 or fd00::/8
        """
      ),
      (
        "{cidr: '::ffff:10.0.0.0/104', action: Block}",
        """
        .cidr "::ffff:10.0.0.0/104" holds IPv4 addresses, which are matched as IPv4; write the IPv4 prefix
        """
      ),
      (
        "{cidr: 10.0.0.0/8, except: [11.0.0.0/16], action: Block}",
        """
        .except[0] 11.0.0.0/16 lies outside 10.0.0.0/8; remove it
        """
      ),
      (
        "{cidr: 10.0.0.0/8, except: [0.0.0.0/0], action: Block}",
        """
        .except[0] 0.0.0.0/0 lies outside 10.0.0.0/8; remove it
        """
      ),
      (
        "{cidr: 10.0.0.0/8, except: ['fd00::/8'], action: Block}",
        """
        .except[0] fd00::/8 is of another address family than 10.0.0.0/8; make a rule for each
        """
      ),
      (
        "{cidr: 10.0.0.0/8, except: [10.0.0.0/8], action: Block}",
        """
        .except[0] 10.0.0.0/8 is the whole cidr, so the rule matches nothing; remove the rule
        """
      ),
      (
        "{ports: [{port: 80}], except: [10.0.0.0/8], action: Block}",
        """
        .except needs a cidr to except from; add cidr
        """
      ),
      ("{ports: [], action: Block}", ".ports is empty; add to it or leave it out"),
      (
        "{ports: [{}], action: Block}",
        """
        .ports[0] is empty; add protocol or port, or remove it
        """
      ),
      (
        "{ports: [80], action: Block}",
        """
        .ports[0] is the number 80; write a mapping with the keys protocol, port, endPort
        """
      ),
      (
        "{ports: [{port: 80, protocol: tcp}], action: Block}",
        """
        .ports[0].protocol is the text "tcp"; did you mean "TCP"?
        """
      ),
      (
        "{ports: [{protocol: ICMP}], action: Block}",
        """
        .ports[0].protocol is the text "ICMP"; write TCP, UDP or SCTP
        """
      ),
      ("{ports: [{port: 0}], action: Block}", ".ports[0].port is the number 0; write a number from 1 to 65535"),
      ("{ports: [{port: 65536}], action: Block}", ".ports[0].port is the number 65536; write a number from 1 to 65535"),
      (
        "{ports: [{port: http}], action: Block}",
        """
        .ports[0].port is the text "http"; write a number from 1 to 65535
        """
      ),
      (
        "{ports: [{port: 033}], action: Block}",
        ".ports[0].port is the number 033 with a zero before it, which some read as octal; write a number from 1 to 65535"
      ),
      ("{ports: [{port: 90, endPort: 80}], action: Block}", ".ports[0].endPort 80 is below port 90; swap them"),
      ("{ports: [{endPort: 80}], action: Block}", ".ports[0].endPort needs the first port; add port"),
      ("{ports: [{port: 80}, {port: 80, endPort: 80}], action: Block}", ".ports[1] repeats an earlier one; remove it"),
    ])
  func networkRules(rule: String, message: String) {
    let spec = "network:\n  egress:\n    rules:\n    - \(rule)"
    #expect(problems(of: file(spec)) == "p.yaml:8: spec.network.egress.rules[0]" + message)
  }

  @Test(
    "what bind lists is read like the ports of a rule",
    arguments: [
      ("80", " is the number 80; write a list"), ("[]", " is empty; add to it or leave it out"),
      ("[{}]", "[0] is empty; add protocol or port, or remove it"),
      ("[{port: 0}]", "[0].port is the number 0; write a number from 1 to 65535"),
      ("[{endPort: 80}]", "[0].endPort needs the first port; add port"),
      ("[{protocol: UPD}]", "[0].protocol is the text \"UPD\"; did you mean \"UDP\"?"),
      ("[{port: 9}, {port: 9}]", "[1] repeats an earlier one; remove it"),
    ])
  func bind(list: String, message: String) {
    let spec = "network:\n  ingress: {defaultAction: Block}\n  bind: \(list)"
    #expect(problems(of: file(spec)) == "p.yaml:7: spec.network.bind" + message)
  }

  @Test(
    "a seccomp section that is unclear is refused",
    arguments: [
      (
        "{}",
        "p.yaml:5: spec.seccomp is empty; add to it or leave it out"
      ),
      (
        "{type: Localhost}",
        """
        p.yaml:5: spec.seccomp has no localhostProfile; add the name of a file in the profiles folder
        """
      ),
      (
        "{type: localhost, localhostProfile: a.json}",
        """
        p.yaml:5: spec.seccomp.type is the text "localhost"; did you mean "Localhost"?
        """
      ),
      (
        "{type: Unconfined}",
        """
        p.yaml:5: spec.seccomp.type is the text "Unconfined"; write RuntimeDefault, Localhost or Inline
        """
      ),
      (
        "{type: Localhost, localhostProfile: ../a.json}",
        """
        p.yaml:5: spec.seccomp.localhostProfile is "../a.json"; \
        write the name of a file in the profiles folder, without a path
        """
      ),
      (
        "{type: RuntimeDefault, localhostProfile: a.json}",
        """
        p.yaml:5: spec.seccomp.localhostProfile belongs to type Localhost; remove it
        """
      ),
      (
        "{type: RuntimeDefault, syscalls: []}",
        """
        p.yaml:5: spec.seccomp.syscalls belongs to type Inline; remove it
        """
      ),
      (
        "{type: RuntimeDefault, addedCapabilities: [SYS_ADMIN, CAP_BPF, CAP_NOTHING]}",
        """
        p.yaml:5: spec.seccomp.addedCapabilities: unknown capability "SYS_ADMIN"; did you mean "CAP_SYS_ADMIN"?
        p.yaml:5: spec.seccomp.addedCapabilities: unknown capability "CAP_NOTHING"; capabilities(7) lists the names
        """
      ),
      (
        "{type: Inline, defaultAction: SCMP_ACT_ERRNO, addedCapabilities: [CAP_BPF]}",
        """
        p.yaml:5: spec.seccomp.addedCapabilities is for rules that ask for capabilities, and type Inline has none; \
        remove it
        """
      ),
      ("{type: Inline}", "p.yaml:5: spec.seccomp has no defaultAction; add an action like SCMP_ACT_ERRNO"),
      (
        "{type: RuntimeDefault, replacesPod: yes}",
        "p.yaml:5: spec.seccomp.replacesPod is the text \"yes\"; write true or false"
      ),
      (
        "{type: Inline, defaultAction: SCMP_ACT_ALLOW, syscalls: [{name: read, action: SCMP_ACT_ERRNO}]}",
        "p.yaml:5: unknown key \"name\" in spec.seccomp.syscalls[0]; did you mean \"names\"?"
      ),
      (
        "{type: Inline, defaultAction: SCMP_ACT_ALLOW, syscalls: [{names: [], errnoRet: 65536}]}",
        """
        p.yaml:5: spec.seccomp.syscalls[0] has no action; add an action like SCMP_ACT_ALLOW
        p.yaml:5: spec.seccomp.syscalls[0].names is empty; add to it or leave it out
        p.yaml:5: spec.seccomp.syscalls[0].errnoRet is the number 65536; write a number from 0 to 65535
        """
      ),
      (
        "{type: Inline, defaultAction: SCMP_ACT_ALLOW, defaultErrnoRet: 65536}",
        """
        p.yaml:5: spec.seccomp.defaultErrnoRet is the number 65536; write a number from 0 to 65535
        """
      ),
      (
        "{type: Inline, defaultAction: SCMP_ACT_ALLOW, "
          + "syscalls: [{names: [read], action: SCMP_ACT_ERRNO, args: [{index: 6, value: -1}]}]}",
        """
        p.yaml:5: spec.seccomp.syscalls[0].args[0] has no op; add an operator like SCMP_CMP_EQ
        p.yaml:5: spec.seccomp.syscalls[0].args[0].index is the number 6; write a number from 0 to 5
        p.yaml:5: spec.seccomp.syscalls[0].args[0].value is the number -1; write a number from 0 to 18446744073709551615
        """
      ),
    ])
  func seccomp(section: String, message: String) { #expect(problems(of: file("seccomp: \(section)")) == message) }

  @Test(
    "added capabilities have Kubernetes' word for all",
    arguments: [("[ALL]", Capabilities.names), ("[CAP_BPF]", ["CAP_BPF"])])
  func addedCapabilities(words: String, capabilities: [String]) throws {
    let section = try profile("seccomp: {type: RuntimeDefault, addedCapabilities: \(words)}").seccomp
    #expect(section?.addedCapabilities == capabilities)
  }

  @Test(
    "a rule with an error takes no part in further checks",
    arguments: [
      (
        "network:\n  egress:\n    rules:\n    - {ports: [{port: 0}], action: Allow}\n    - {ports: [{port: 0}], action: Block}",
        [8, 9]
      ),
      ("network:\n  egress:\n    rules:\n    - {cidr: a, action: Allow}\n    - {cidr: b, action: Allow}", [8, 9]),
      ("process:\n  rules:\n  - {path: /a, action: Allow}\n  - {path: /a, new: 1, action: Block}", [8]),
      ("process:\n  rules:\n  - {pth: /a, actoin: Allow}\n  - {directry: /a, action: Block}", [7, 7, 8]),
      ("minimumTier: signal\nfile: {rules: [{path: a, action: Block}]}", [6]),
    ])
  func echoes(spec: String, lines: [Int]) {
    let told = problems(of: file(spec))?.split(separator: "\n").map { Int($0.split(separator: ":")[1]) }
    #expect(told == lines)
  }

  @Test(
    "a missing space after a colon is told as that",
    arguments: [
      ("mode:Audit", "p.yaml:5: spec is the text \"mode:Audit\"; write a space after the colon: \"mode: Audit\""),
      (
        "process: {fileless:Block}",
        "p.yaml:5: unknown key \"fileless:Block\" in spec.process; write a space after the colon: \"fileless: Block\""
      ),
    ])
  func colons(spec: String, message: String) { #expect(problems(of: file(spec)) == message) }

  @Test("of more problems than the limit, the first are told, and how many there are beside them")
  func limit() throws {
    func text(_ problems: Int) -> String { file((1...problems).map { "k\($0): 1" }.joined(separator: "\n")) }
    let atLimit = try #require(problems(of: text(Problems.problemsMax))).split(separator: "\n")
    #expect(atLimit.count == Problems.problemsMax)
    let beyond = try #require(problems(of: text(20_000))).split(separator: "\n")
    #expect(beyond.count == Problems.problemsMax + 1)
    #expect(beyond.last == "p.yaml:104: 19900 more problems are not told; mend these first")
  }

  @Test("all problems of a file are told, in the order of its lines")
  func everything() {
    let spec = """
      mode: Enfroce
      process:
        defaultAction: Block
        rules:
        - {path: bin/sh, action: Allow}
        - {path: /bin/sh, action: Alow}
      network:
        egress: {defaultAction: Drop}
      """
    #expect(
      problems(of: file(spec)) == """
        p.yaml:5: spec.mode is the text "Enfroce"; did you mean "Enforce"?
        p.yaml:9: spec.process.rules[0].path "bin/sh" is relative; \
        write it from the container's root, with a leading /
        p.yaml:10: spec.process.rules[1].action is the text "Alow"; did you mean "Allow"?
        p.yaml:12: spec.network.egress.defaultAction is the text "Drop"; write Allow, Audit or Block
        """)
  }
}

private func nameAdvice(_ name: String) -> String {
  "metadata.name is \"\(name)\"; write at most 253 lower-case letters, digits, - and ., "
    + "the first and last a letter or digit"
}
