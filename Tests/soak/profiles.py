"""The profiles of the containers that come and go, and what a container under each of them may do."""

import dataclasses

HEAD = """apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {{name: {name}}}
spec:
  acceptPartial: true
"""
PROGRAMS = """  process:
    defaultAction: Block
    newExecutables: Allow
    rules: [{{path: /usr/bin/sleep, action: Allow}}, {{path: {extra}, action: Allow}}]
"""
# A node that cannot enforce rules about files says so, and goes on.
FILES = """  failurePolicy: Ignore
  file:
    rules:
    - {{directory: /srv, recursive: true, access: [Write], action: Block}}
    - {{path: /etc/hostname, access: [Read], action: Audit}}
"""
NETWORK = """  network:
    egress:
      defaultAction: Block
      rules:
      - {{cidr: 10.0.0.0/8, except: [10.1.0.0/16], ports: [{{port: 5432}}], action: Allow}}
      - {{cidr: "fd00::/8", ports: [{{protocol: UDP, port: 53}}], action: Allow}}
    ingress: {{defaultAction: Allow, rules: [{{cidr: 192.0.2.0/24, action: Block}}]}}
"""
AUDIT = """  mode: Audit
  failurePolicy: Ignore
  process: {{defaultAction: Audit, newExecutables: Audit, rules: [{{path: {extra}, action: Block}}]}}
  network: {{egress: {{defaultAction: Audit}}}}
"""
# What a rule is about beside what is needed. A new text of the profile has the other one.
EXTRAS = ("/usr/bin/true", "/usr/bin/uptime")


@dataclasses.dataclass(frozen=True)
class Profile:
    """`name` None: the pod chooses none."""

    name: str | None
    spec: str = ""
    # Whether a program that it does not list is stopped.
    confines: bool = True

    def text(self, extra: str) -> str:
        return (HEAD + self.spec).format(name=self.name, extra=extra)

    @property
    def broken_text(self) -> str:
        return self.text(EXTRAS[0]) + "  mode: Perhaps\n"


NONE = Profile(None, confines=False)
# There is no such profile, so its containers are refused.
MISSING = Profile("missing")
LISTED = (
    Profile("programs", PROGRAMS), Profile("files", PROGRAMS + FILES), Profile("network", PROGRAMS + NETWORK),
    Profile("audit", AUDIT, confines=False),
)
