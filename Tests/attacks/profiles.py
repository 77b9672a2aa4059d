"""The profiles that the attacks run under."""

HEAD = """apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {{name: {name}}}
spec:
  failurePolicy: {policy}
  acceptPartial: true
"""

# A list of what is denied; everything else may be done.
DENY = """
  process:
    newExecutables: Block
    fileless: Block
    rules:
    - {path: /opt/denied, action: Block}
    - {path: /opt/denied.sh, action: Block}
    - {path: /opt/dynamic-denied, action: Block}
    - {path: /opt/setuid-denied, action: Block}
    - {path: /opt/tiny-denied, action: Block}
    - {directory: /opt/denied-folder, recursive: true, action: Block}
    - {path: /usr/bin/wget, action: Block}
    - {path: /opt/link, action: Block}
    - {path: /links/folder/program, action: Block}
    - path: /opt/arguments
      action: Allow
      arguments:
      - {equals: evil, action: Block}
    - path: /opt/tiny
      action: Allow
      arguments:
      - {equals: evil, action: Block}
    - path: /opt/listening.sh
      action: Allow
      arguments:
      - {equals: evil, action: Block}
    - path: /opt/listening-first.sh
      action: Allow
      arguments:
      - {equals: evil, index: 1, action: Block}
    - path: /opt/dynamic-arguments
      action: Allow
      arguments:
      - {equals: evil, action: Block}
    - path: /bin/busybox
      action: Allow
      arguments:
      - {equals: wget, action: Block}
    - {directory: /new, recursive: true, action: Allow, new: true}
  file:
    rules:
    - {directory: /data/secret, recursive: true, action: Block}
    - {path: /data/secret/open, action: Allow}
    - {directory: /data/fixed, recursive: true, access: [Write], action: Block}
    - {path: /links/data/key, action: Block}
    - {directory: /vol/tree/inner, recursive: true, action: Block}
    - {directory: /vol/other-tree/inner, recursive: true, action: Block}
    - {directory: /vol/forged, recursive: true, action: Block}
    - {path: /vol/forged/token, action: Allow}
    - {path: /vol-too/twice/key, action: Block}
    - {path: /fat/secret/key, action: Block}
  network:
    egress:
      defaultAction: Block
      rules:
      - {cidr: 127.0.0.1/32, ports: [{port: 7000}, {protocol: UDP, port: 7000}], action: Allow}
      - {cidr: "::1/128", ports: [{port: 7000}, {protocol: UDP, port: 7000}], action: Allow}
      - {cidr: 127.0.0.2/32, action: Allow}
      - {cidr: 10.77.0.1/32, action: Allow}
      - {cidr: 10.77.0.3/32, action: Allow}
      - {cidr: "fd77::1/128", action: Allow}
      - {cidr: "fd77::3/128", action: Allow}
    ingress:
      defaultAction: Block
      rules:
      - {ports: [{port: 7000}, {protocol: UDP, port: 7000}], action: Allow}
    bind: [{protocol: UDP, port: 7005, endPort: 7006}]
"""

# A list of what may be executed.
ALLOW = """
  process:
    defaultAction: Block
    allowEntrypoint: true
    rules:
    - {path: /opt/allowed, action: Allow}
    - {path: /bin/attack, action: Allow}
    - {path: /opt/by-unlisted.sh, action: Allow}
    - {path: /opt/by-allowed.sh, action: Allow}
    - {path: /opt/dynamic, action: Allow}
    - {directory: /app, action: Allow}
    - {directory: /links/app, action: Allow}
    - {directory: /links/vol, action: Allow}
    - {directory: /opt/over, recursive: true, action: Allow}
  file:
    rules:
    - {directory: /data/secret, recursive: true, action: Block}
  kernel:
    block: [executableMemory]
"""

# Programs without a file may run, but what they open is judged as ever.
KERNEL = """
  process: {newExecutables: Block, fileless: Allow}
  file:
    rules:
    - {directory: /data/secret, recursive: true, action: Block}
  kernel:
    block: [mount, ptrace, userNamespaces, bpf, ioUring, packetSockets, moduleLoad, keyrings, perfEvents]
"""

# Code only from files, also where no hook tells: the filter refuses that. It denies nothing else that is tried.
CODE = """
  seccomp:
    type: Inline
    defaultAction: SCMP_ACT_ALLOW
    architectures: [SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32]
    syscalls:
    - {names: [acct], action: SCMP_ACT_ERRNO}
  kernel:
    block: [executableMemory]
"""

# Families of sockets, by programs in the kernel alone; and by a filter as well, which every tier has.
FAMILIES = """
  kernel:
    sockets: [unix, inet, inet6, netlink]
"""
FILTERED_FAMILIES = CODE[: CODE.index("  kernel:")] + FAMILIES

# Everything may be done: an attack that does not succeed here shows nothing.
OPEN = """
  process: {defaultAction: Allow}
"""

# What every tier enforces as far as it can, so that `failurePolicy: Fail` starts the container.
PROGRAMS = """
  process:
    rules:
    - {path: /opt/denied, action: Block}
"""

# Rules that a packet socket gets past, and the same where that is blocked.
NETWORK = """
  network:
    egress: {defaultAction: Block}
"""
SEALED = NETWORK + """
  kernel:
    block: [packetSockets]
"""

# The same programs without rules about files.
MOUNTS = DENY[: DENY.index("  file:")]
LISTED_MOUNTS = ALLOW[: ALLOW.index("  file:")]

SECTIONS = {
    "deny": DENY, "allow": ALLOW, "kernel": KERNEL, "open": OPEN, "programs": PROGRAMS, "network": NETWORK,
    "sealed": SEALED, "code": CODE, "families": FAMILIES, "filtered-families": FILTERED_FAMILIES, "mounts": MOUNTS,
    "listed-mounts": LISTED_MOUNTS,
}  # fmt: skip


def text(name, minimum_tier=None):
    """A profile as a file's text. With a minimum tier nothing less will do; without, what a node lacks is left out."""
    head = HEAD.format(name=name, policy="Fail" if minimum_tier else "Ignore")
    if minimum_tier:
        head += f"  minimumTier: {minimum_tier}\n"
    return head + SECTIONS[name]
