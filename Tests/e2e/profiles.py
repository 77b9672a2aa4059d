"""The profiles of the end-to-end tests. `acceptPartial`: what a tier cannot see whole is not their subject."""

HEAD = """
apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {{name: {name}}}
spec:
  acceptPartial: true
"""

# Ports on the host's loopback. `SERVED` is the container's own, the others are servers outside it.
SERVED, ALLOWED, BLOCKED = 19181, 19182, 19183

TEXTS = {
    "shop": f"""
  process:
    defaultAction: Block
    rules:
    - {{path: /usr/bin/probe, action: Allow}}
    - {{path: /usr/bin/id, action: Allow}}
    - {{path: /bin/busybox, action: Allow}}
    - {{directory: /opt/tools/, action: Allow}}
  network:
    egress:
      defaultAction: Block
      rules:
      - {{cidr: 127.0.0.0/8, ports: [{{port: {ALLOWED}}}, {{protocol: UDP, port: {ALLOWED}}}], action: Allow}}
""",
    "no-id": """
  process:
    rules:
    - {path: /usr/bin/id, action: Block}
""",
    "entrypoint-only": """
  process:
    defaultAction: Block
    allowEntrypoint: true
""",
    "closed-port": f"""
  network:
    ingress:
      defaultAction: Allow
      rules:
      - {{ports: [{{protocol: TCP, port: {SERVED}}}], action: Block}}
""",
    "audited": """
  mode: Audit
  process:
    defaultAction: Block
""",
    "vault": """
  minimumTier: lsm
  process:
    defaultAction: Block
    allowEntrypoint: true
    rules:
    - {path: /usr/bin/id, action: Allow}
    - {path: /usr/bin/script, action: Allow}
    - {path: /bin/busybox, action: Allow}
  file:
    rules:
    - {path: /etc/secret, action: Block}
    - {path: /etc/greeting, access: [Write], action: Block}
  kernel:
    block: [mount, userNamespaces]
""",
    "syscalls": """
  seccomp: {type: RuntimeDefault}
""",
    "syscalls-if-possible": """
  failurePolicy: Ignore
  seccomp: {type: RuntimeDefault}
  process:
    rules:
    - {path: /usr/bin/id, action: Block}
""",
    "needs-filter": """
  requireFilter: true
""",
}


def all_profiles() -> dict[str, str]:
    return {name: HEAD.format(name=name) + text.lstrip("\n") for name, text in TEXTS.items()}
