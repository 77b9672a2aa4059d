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
    - path: /opt/arguments
      action: Allow
      arguments:
      - {equals: evil, action: Block}
    - path: /opt/tiny
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
    - {directory: /vol/tree/inner, recursive: true, action: Block}
    - {directory: /vol/other-tree/inner, recursive: true, action: Block}
  network:
    egress:
      defaultAction: Block
      rules:
      - {cidr: 127.0.0.1/32, ports: [{port: 7000}, {protocol: UDP, port: 7000}], action: Allow}
      - {cidr: "::1/128", ports: [{port: 7000}, {protocol: UDP, port: 7000}], action: Allow}
      - {cidr: 127.0.0.2/32, action: Allow}
    ingress:
      defaultAction: Block
      rules:
      - {ports: [{port: 7000}, {protocol: UDP, port: 7000}], action: Allow}
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

SECTIONS = {"deny": DENY, "allow": ALLOW, "kernel": KERNEL, "open": OPEN, "programs": PROGRAMS}


def text(name, minimum_tier=None):
    """A profile as a file's text. With a minimum tier nothing less will do; without, what a node lacks is left out."""
    head = HEAD.format(name=name, policy="Fail" if minimum_tier else "Ignore")
    if minimum_tier:
        head += f"  minimumTier: {minimum_tier}\n"
    return head + SECTIONS[name]
