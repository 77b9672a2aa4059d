"""
The attacks, and what becomes of each: one table.

An attack is an act of program/ with its arguments, tried in a container under a profile of profiles.py. `better` is the
verdict at tiers lsm and fmod_ret, `signal` the one at tier signal. The twin is the same act where it is allowed, under
the same profile. Each attack is also tried under the profile `open`, where it must succeed, on one boot of each kernel
with and without BPF among the LSMs.
"""

import dataclasses
import typing

ALLOWED, KILLED, EACCES, EPERM = "allowed", "killed", "denied EACCES", "denied EPERM"
EXDEV = "denied EXDEV"
# The container does not start.
REFUSED = "refused"
# An act of a hook, for which it does not.
LEAVE = "hook-leave 100"


class Stage(typing.NamedTuple):
    """A container: its profile, and how it is made. One of inside.py's methods tries its acts."""

    profile: str
    options: tuple[str, ...]
    method: str = "perform"


STAGES = {
    "deny": Stage("deny", ("--privileged",)),
    "allow": Stage("allow", ("--privileged",)),
    "kernel": Stage("kernel", ("--privileged",)),
    "code": Stage("code", ("--privileged",)),
    "families": Stage("families", ("--privileged",)),
    "filtered families": Stage("filtered-families", ("--privileged",)),
    # Without rules about files: under these nothing can be written to what was mounted after the start.
    "mounts": Stage("mounts", ("--privileged",)),
    "listed mounts": Stage("listed-mounts", ("--privileged",)),
    # On a node whose overlays let folders of the image be renamed.
    "redirected": Stage("deny", ("--privileged", "--overlay-options", "redirect_dir=on")),
    # One volume at two places.
    "twice": Stage("deny", ("--privileged", "--mount", "{volume}:/vol-too")),
    # A volume whose file system knows no case.
    "fat": Stage("deny", ("--privileged",), "perform_on_fat"),
    # As of a pod that looks after the node.
    "host": Stage("deny", ("--privileged", "--hostpid", "--mount", "/run/stockade-try:/pins",
                           "--mount", "/run/stockade:/control"), "perform_beside_a_socket"),
    # As of a pod with hostUsers: false, on a node whose devices need hooks.
    "users": Stage("allow", (
        "--user-namespace", "--hook", "createContainer:/bin/busybox touch /proc/self/cwd/created",
        "--hook", "startContainer:/bin/touch /started",
    )),
    # Stockade itself has a memory limit that the act reaches, if it is charged to Stockade.
    "memory": Stage("deny", ("--privileged",), "perform_under_pressure"),
    # Each act is a command that `runc exec` brings into a running container.
    "exec": Stage("allow", (), "execute"),
    # Many at once that do the same thing over and over: RACES.
    "races": Stage("deny", ("--privileged",)),
    # The same as exec, as often as a race has seconds, while many in the container execute what they may.
    "siege": Stage("allow", (), "besiege"),
    # Each act is the runtime's createContainer hook, behind a pod's gate. The machine's folder of programs is a volume.
    "hooks": Stage("deny", ("--pod-cgroup", "--mount", "{image}/opt:/volume:ro"), "hook"),
}  # fmt: skip
# Those for which it matters how cgroups are mounted: who belongs to whom, what packets pass, who pays for memory.
CGROUP_STAGES = ("deny", "exec", "hooks", "host", "users", "memory")
# What --races tries.
RACE_STAGES = ("races", "siege")


@dataclasses.dataclass(frozen=True)
class Attack:
    name: str
    stage: str
    act: str
    better: str
    signal: str
    twin: str | None = None
    # Another verdict on a node with cgroup v1 alone, whatever the tier.
    v1: str | None = None
    # Why it cannot be tried on some kernels: a pattern of what the act says then.
    unavailable: str | None = None
    # What becomes of it where nothing is denied; at tiers lsm and fmod_ret, where that is something else.
    open: str = ALLOWED
    open_better: str | None = None

    def expected(self, tier, cgroup):
        if self.v1 and cgroup == "v1":
            return self.v1
        if tier in ("lsm", "fmod_ret"):
            return self.better
        return self.signal if tier == "signal" else ALLOWED

    def expected_where_open(self, tier):
        return self.open_better if self.open_better and tier in ("lsm", "fmod_ret") else self.open


def program(name, act, twin=None, stage="deny", **more):
    """An exec of what is denied. A tier that judges before the load denies it, one that judges after it kills."""
    return Attack(name, stage, act, EACCES, KILLED, twin, **more)


def loaded(name, act, twin=None, stage="deny", **more):
    """Tier signal sees the final image alone."""
    return Attack(name, stage, act, EACCES, ALLOWED, twin, **more)


def script(name, act, twin=None, stage="deny"):
    """An argument of a script. Every tier kills for an argument, and tier signal sees the interpreter's alone."""
    return Attack(name, stage, act, KILLED, ALLOWED, twin)


def file(name, act, twin, stage="deny", **more):
    return Attack(name, stage, act, EACCES, ALLOWED, twin, **more)


def surface(name, act, stage="kernel", denied=EPERM, **more):
    """Allowed where the profile does not block it, which the profile `open` shows."""
    return Attack(name, stage, act, denied, ALLOWED, **more)


def network(name, act, twin, **more):
    return Attack(name, "deny", act, EPERM, EPERM, twin, v1=ALLOWED, **more)


NO_O_TMPFILE = "O_TMPFILE: EOPNOTSUPP"

NAMES = (
    program("plain", "plain /opt/denied", "plain /opt/allowed"),
    program("symbolic link", "symlink /opt/denied", "symlink /opt/allowed"),
    program("hard link", "hard-link /opt/linked /opt/hard-link", "hard-link /opt/linked /new/hard-link"),
    program("copy", "copy /opt/denied /tmp/copy", "copy /opt/denied /new/copy"),
    program("rename", "rename /opt/renamed /tmp/renamed", "rename /opt/renamed-too /new/renamed"),
    program("in a denied folder", "plain /opt/denied-folder/program", "plain /opt/allowed"),
    program(".. and //", "dots /opt/denied", "dots /opt/allowed"),
    program("sh -c", "shell /opt/denied", "shell /opt/allowed"),
    program("child of sh", "shell-child /opt/denied", "shell-child /opt/allowed"),
    # Without arguments it ends with an error.
    program("busybox applet by its path", "shell /usr/bin/wget", "shell /opt/allowed", open="unavailable"),
    Attack("busybox applet as argument", "deny", "argument /bin/busybox wget", KILLED, KILLED, open="unavailable"),
    program("thread", "thread /opt/denied", "thread /opt/allowed"),
    program("vfork", "vfork /opt/denied", "vfork /opt/allowed"),
    program("posix_spawn", "spawn /opt/denied", "spawn /opt/allowed"),
    program("setuid binary", "user /opt/setuid-denied", "user /opt/setuid-allowed"),
    program("another user", "user /opt/denied", "user /opt/allowed"),
    program("/proc/self/fd", "descriptor-link /opt/denied", "descriptor-link /opt/allowed"),
    program("fexecve", "descriptor /opt/denied", "descriptor /opt/allowed"),
    program("own /proc", "own-proc /opt/denied", "own-proc /opt/allowed"),
    Attack("denied argument", "deny", "argument /opt/arguments evil", KILLED, KILLED, "argument /opt/allowed evil"),
    Attack("after long arguments", "deny", "long-arguments /opt/arguments evil", KILLED, KILLED,
           "long-arguments /opt/allowed evil"),
    program("race for the path", "race-path /opt/denied /opt/others"),
    Attack("race for an argument", "deny", "race-argument /opt/arguments evil fine", KILLED, KILLED),
)  # fmt: skip

# The image's links lead the rules to these.
LINKS = (
    program("target of a denied link", "plain /opt/link-target", "plain /opt/allowed"),
    program("file of a denied link's folder", "plain /opt/link-folder/program", "plain /opt/allowed"),
    file("file that a denied link leads to", "read /data/link-data/key", "read /data/plain/key"),
    program("program by a listed link to a volume", "copy /opt/allowed /vol/listed", "plain /opt/link-app/program",
            stage="allow"),
)  # fmt: skip

# What is allowed stays so, whatever a crowd does meanwhile.
INNOCENT = (
    Attack("innocent beside a crowd that passes descriptors", "deny",
           "crowd-innocent 5 /tmp/deep /data/plain/key /opt/allowed", ALLOWED, ALLOWED),
)  # fmt: skip

SCRIPTS = (
    program("script with denied interpreter", "plain /opt/by-denied.sh", "plain /opt/by-allowed.sh"),
    loaded("denied script", "plain /opt/denied.sh", "plain /opt/by-allowed.sh"),
    program("#! chain to a denied interpreter", "plain /opt/chain-to-denied.sh", "plain /opt/chain-to-allowed.sh"),
    loaded("#! chain by a denied script", "plain /opt/chain-by-denied.sh", "plain /opt/chain-to-allowed.sh"),
    script("denied argument of a script", "argument /opt/listening.sh evil", "argument /opt/listening.sh fine"),
    script("denied first argument of a script", "argument /opt/listening-first.sh evil",
           "plain /opt/listening-first.sh"),
    script("denied argument of a script by a #! chain", "argument /opt/chain-to-listening.sh evil",
           "argument /opt/chain-to-listening.sh fine"),
    script("script's argument after long ones", "long-arguments /opt/listening.sh evil"),
)  # fmt: skip

NEW = (
    program("memfd", "memfd /opt/allowed"),
    program("/proc/self/exe, deleted", "own /new/own deleted", "own /new/own kept"),
    program("deleted file", "deleted-file /new/deleted", "copy /opt/allowed /new/deleted"),
    program("O_TMPFILE and linkat", "unnamed-file /tmp /tmp/unnamed", "unnamed-file /new /new/unnamed",
            unavailable=NO_O_TMPFILE),
    program("O_TMPFILE and linkat on a volume", "unnamed-file /vol /vol/unnamed"),
    program("O_TMPFILE without a name", "nameless-file /vol"),
    program("written image file", "after-writing /opt/written", "plain /opt/unwritten"),
    program("file on a volume", "copy /opt/allowed /vol/program"),
    program("file on tmpfs", "copy /opt/allowed /dev/program"),
    program("odd bytes", "copy /opt/allowed /tmp/%01%ff%0a'%22", "copy /opt/allowed /new/%01%ff%0a'%22"),
    loaded("ld.so with argument", "loader /opt/dynamic-denied", "loader /opt/dynamic"),
    loaded("ld.so with a program that has argument rules", "loader /opt/dynamic-arguments",
           "plain /opt/dynamic-arguments"),
    loaded("mmap PROT_EXEC of a program that has argument rules", "map-program /opt/dynamic-arguments",
           "map-program /opt/dynamic"),
    loaded("ld.so with a written program", "loader /tmp/dynamic", "loader /new/dynamic"),
    loaded("LD_PRELOAD of a written library", "preload /tmp/preload.so", "preload /opt/library.so"),
    loaded("dlopen of a written library", "dlopen /tmp/dlopen.so", "dlopen /opt/library.so"),
    loaded("mmap PROT_EXEC of a written file", "map /tmp/map.so", "map /new/map.so"),
    loaded("mprotect PROT_EXEC of a written file", "mprotect /tmp/mprotect.so", "mprotect /new/mprotect.so"),
)  # fmt: skip

MOUNTS = (
    program("bind mount over an allowed file", "bind-over /opt/denied /opt/covered",
            "bind-over /opt/allowed /opt/covered"),
    program("bind mount in the container's namespace", "bind-over-shared /opt/denied /opt/covered-too",
            "bind-over-shared /opt/allowed /opt/covered-too"),
    program("user namespace and bind mount", "bind-as-user-root /opt/denied /opt/covered",
            "bind-as-user-root /opt/allowed /opt/covered"),
    program("tmpfs over a directory", "tmpfs-over /opt/program", stage="mounts"),
    # What was mounted after the start has no path, so no rule allows it: docs/tiers.md.
    program("tmpfs over an allowed directory", "tmpfs-over /new/program", stage="mounts"),
    program("overlay of the container's own", "overlay-over /other/app /app/program"),
    program("chroot with a forged tree", "forged-root /tmp/root /opt/allowed", "forged-root /new/root /opt/allowed"),
    program("chroot into the image", "other-root /opt /denied", "other-root /opt /allowed"),
    program("pivot_root", "pivoted /opt/allowed", stage="mounts"),
    program("pivot_root to an allowed path", "pivoted /new/program", stage="mounts"),
    program("lazily unmounted image", "lazily-unmounted /opt/denied"),
    program("lazily unmounted volume", "lazily-unmounted-copy /vol/lazy/program"),
    program("detached clone of a mount", "detached-clone /opt/denied"),
    program("unshare of mounts", "own-mounts /opt/denied", "own-mounts /opt/allowed"),
    program("setns of mounts", "other-mounts 1 /opt/denied", "other-mounts 1 /opt/allowed"),
    program("nested cgroup", "nested-cgroup /opt/denied", "nested-cgroup /opt/allowed", stage="mounts",
            unavailable="no cgroup v2"),
    program("foreign cgroup by a cgroup mount", "foreign-cgroup /opt/denied", "foreign-cgroup /opt/allowed",
            stage="mounts", unavailable="no cgroup v2"),
    program("moved to a child cgroup", "moved child /opt/denied", "moved child /opt/allowed"),
    program("moved to a foreign cgroup", "moved foreign /opt/denied", "moved foreign /opt/allowed"),
    program("program passed in from outside", "passed-program /opt/denied", "passed-program /opt/allowed"),
)  # fmt: skip

# The container shares the machine's pid namespace; {image} is the image's folder on the machine.
HOST = (
    program("setns into the machine's mounts", "other-mounts 1 {image}/opt/allowed", stage="host",
            unavailable="/proc/1/ns/mnt: EACCES"),
    program("denied program in the machine's pid namespace", "plain /opt/denied", "plain /opt/allowed", stage="host"),
)

EXEC = (
    program("exec from outside", "/opt/unlisted", "/opt/allowed", stage="exec"),
    program("exec of a script from outside", "/opt/by-unlisted.sh", "/opt/by-allowed.sh", stage="exec"),
    program("exec of a shell from outside", "/bin/sh -c 'exit 42'", "/bin/attack ran", stage="exec"),
)

# What is executed before the container starts is the runtime's, and nothing that the image or a volume brings.
HOOKS = (
    Attack("hook's sealed memfd", "hooks", "hook-memfd chroot {image}/opt/allowed sealed", ALLOWED, ALLOWED,
           "hook-memfd pivot {image}/opt/allowed sealed"),
    program("hook's memfd that can be changed", "hook-memfd pivot {image}/opt/allowed open", stage="hooks"),
    program("hook's sealed memfd with the image's loader", "hook-memfd pivot {image}/opt/dynamic sealed",
            "plain {image}/opt/dynamic", stage="hooks"),
    program("hook's sealed memfd with a script", "hook-memfd pivot {image}/opt/by-allowed.sh sealed",
            "plain {image}/opt/allowed", stage="hooks"),
    program("hook's file of the machine, a script", "hook-opened pivot {image}/opt/by-allowed.sh",
            "hook-opened pivot {image}/opt/allowed", stage="hooks"),
    program("machine's program bound into the hook's root", "hook-bound {image}/opt/allowed",
            "hook-opened chroot {image}/opt/allowed", stage="hooks"),
    program("image's program in a hook's hands", "hook-named chroot /opt/allowed", stage="hooks"),
    program("image's program in a hook's hands, pivot_root", "hook-named pivot /opt/allowed", stage="hooks"),
    program("image's program by a hook's descriptor", "hook-opened pivot opt/allowed", stage="hooks"),
    program("image's script that names the hook's own program", "hook-named pivot /opt/by-itself.sh", stage="hooks"),
    program("image's script in a hook's hands", "hook-named pivot /opt/by-allowed.sh", stage="hooks"),
    program("volume's program in a hook's hands", "hook-named pivot /volume/allowed", stage="hooks"),
    program("volume's program by a hook's descriptor", "hook-opened pivot volume/allowed", stage="hooks"),
    program("image's link to another's sealed memfd", "hook-linked {image}/opt/allowed", stage="hooks"),
    loaded("hook loads a library of the image", "hook-map /opt/library.so", "hook-map /proc/self/exe", stage="hooks"),
    # Anonymous memory has no file, and no rule here forbids it.
    Attack("memory with code that a hook maps", "hooks", "map-code", ALLOWED, ALLOWED),
    Attack("process that a hook left behind", "hooks", LEAVE, REFUSED, REFUSED, "hook-leave 0"),
)  # fmt: skip

# The kernel may skip a program that is interrupted while it works. {seconds} is how long a race is run; of what is to
# be allowed a short one shows as much.
RACES = (
    Attack("many that vfork", "races", "crowd-vfork any {seconds} /data/secret/key", EACCES, ALLOWED,
           "crowd-vfork all {seconds} /data/plain/key"),
    Attack("many that fork", "races", "crowd-fork any {seconds} /data/secret/key", EACCES, ALLOWED,
           "crowd-fork all {seconds} /data/plain/key"),
    Attack("many that start threads", "races", "crowd-thread any {seconds} /data/secret/key", EACCES, ALLOWED,
           "crowd-thread all {seconds} /data/plain/key"),
    program("many that execute", "crowd-exec any {seconds} /opt/denied", "crowd-exec all {seconds} /opt/allowed",
            stage="races"),
    program("many that execute three instructions", "crowd-exec any {seconds} /opt/tiny-denied",
            "crowd-exec all {seconds} /opt/tiny", stage="races"),
    Attack("many with an argument", "races", "crowd-exec any {seconds} /opt/arguments evil", KILLED, KILLED,
           "crowd-exec all {seconds} /opt/allowed evil"),
    Attack("many with an argument, three instructions", "races", "crowd-exec any {seconds} /opt/tiny evil", KILLED,
           KILLED, "crowd-exec all {seconds} /opt/tiny fine"),
    script("many with a script's argument", "crowd-exec any {seconds} /opt/listening.sh evil",
           "crowd-exec all {seconds} /opt/listening.sh fine", stage="races"),
    program("exec beside many", "{seconds} /opt/unlisted", "{seconds} /opt/allowed", stage="siege"),
    Attack("exec that reads beside many", "siege", "{seconds} /bin/attack read /data/secret/key", EACCES, ALLOWED,
           "{seconds} /bin/attack read /data/plain/key"),
)

# Other containers may not reach into a confined one, but the machine's user and its services may, also those that have
# mounts of their own.
OTHERS = tuple(
    Attack(f"{name} by a service of the node", "deny", f"by-another container {act}", ALLOWED, ALLOWED,
           f"by-another machine {act}")
    for name, act in (
        ("ptrace", "ptrace-seize%20PID"),
        ("process_vm_readv", "process-vm-read%20PID"),
        ("/proc/PID/mem", "proc-mem%20PID"),
        ("/proc/PID/root", "read%20/proc/PID/root/data/plain/key"),
        ("/proc/PID/environ", "read%20/proc/PID/environ"),
    )
)  # fmt: skip

# What enforces the policy is out of reach, whatever the profile.
DAEMON = tuple(
    Attack(name, stage, act, EPERM, ALLOWED, open_better=EPERM, unavailable=why)
    for name, stage, act, why in (
        ("open the policy's maps", "deny", "bpf-open-maps", "there is none: EPERM"),
        ("open the policy's programs", "deny", "bpf-open-programs", "there is none: EPERM"),
        ("signal the daemon", "host", "signal-daemon", None),
        ("ptrace the daemon", "host", "trace-daemon", None),
        ("open a pin", "host", "open-pin", None),
        ("chmod of a pin", "host", "change-pin", None),
        ("connect to a socket of the daemon", "host", "connect-daemon /control/attacks.sock", None),
    )
)

USERS = (
    program("user-namespaced root", "plain /opt/unlisted", "plain /opt/allowed", stage="users"),
    program("user-namespaced root, memfd", "memfd /opt/allowed", stage="users"),
    program("user-namespaced root, bind mount", "bind-as-user-root /opt/unlisted /app/program",
            "bind-as-user-root /opt/allowed /app/program", stage="users"),
    file("user-namespaced root reads", "read /data/secret/key", "read /data/plain/key", stage="users"),
    # The runtime's own programs are not the container's: the profile lists neither, and both must have run.
    Attack("createContainer hook ran", "users", "read /created", ALLOWED, ALLOWED),
    Attack("startContainer hook ran", "users", "read /started", ALLOWED, ALLOWED),
)  # fmt: skip

LISTED = (
    program("unlisted program", "plain /opt/unlisted", "plain /opt/allowed", stage="allow"),
    program("unlisted by symbolic link", "symlink /opt/unlisted", "symlink /opt/allowed", stage="allow"),
    program("unlisted interpreter", "plain /opt/by-unlisted.sh", "plain /opt/by-allowed.sh", stage="allow"),
    program("unlisted memfd", "memfd /opt/allowed", stage="allow"),
    program("unlisted setns of mounts", "other-mounts 1 /opt/unlisted", "other-mounts 1 /opt/allowed", stage="allow"),
    # Longer than can be looked at; the twin's is longer than a rule's can be.
    program("very long path", "deep /opt/over", "plain /opt/over/" + "/".join(["long" * 25] * 6) + "/program",
            stage="allow"),
    program("odd bytes in the image", "plain /opt/odd%01%ff%0a%20name", "plain /opt/allowed", stage="allow"),
    program("forged tree at a listed path", "forged-root /tmp/root /opt/allowed", stage="allow"),
    program("tmpfs over a listed directory", "tmpfs-over /app/program", "plain /app/program", stage="listed mounts"),
    program("bind mount over a listed file", "bind-over /opt/unlisted /app/program", stage="allow"),
    program("ld.so is not listed", "loader /opt/dynamic", "plain /opt/dynamic", stage="allow"),
)  # fmt: skip

READ = tuple(
    file(name, f"{act} /data/secret/key", f"{act} /data/plain/key", **more)
    for name, act, more in (
        ("read", "read", {}),
        ("read by mapping", "read-map", {}),
        ("read by symbolic link", "read-symlink", {}),
        ("read by .. and //", "read-relative", {}),
        ("O_PATH and opened again", "read-reopened", {}),
        ("io_uring open", "read-ring", {"unavailable": "io_uring_setup: (ENOSYS|EPERM)"}),
        ("/proc/self/root", "read-own-root", {}),
        ("/proc/PID/root", "read-other-root", {}),
        ("read by bind mount", "read-bind", {}),
        ("read in a user namespace", "read-user-root", {}),
        ("read by chroot", "read-chroot", {}),
        ("file passed in from outside", "passed-read", {}),
    )
) + (
    # Nobody can say which path a file on a detached mount has: the strictest action of the section.
    Attack("read by a detached clone", "deny", "read-detached /data/secret/key", EACCES, ALLOWED),
    # A file of a volume has the path that the volume had at the start.
    file("a volume's file by bind mount", "read-bind /vol/tree/inner/file", "read-bind /vol/loose-tree/inner/file"),
    file("a volume's file by a detached clone", "read-detached /vol/tree/inner/file",
         "read-detached /vol/loose-tree/inner/file"),
    # An overlay makes no handles; a volume does.
    file("open_by_handle_at", "read-handle /vol/tree/inner/file", "read-handle /vol/loose-tree/inner/file",
         unavailable="name_to_handle_at: EOPNOTSUPP"),
    file("exact path in a denied folder", "read /data/secret/key", "read /data/secret/open"),
    Attack("memfd program reads", "kernel", "read-memfd-program /data/secret/key", EACCES, ALLOWED,
           "read-memfd-program /data/plain/key"),
    Attack("memfd where it is allowed, new file", "kernel", "copy /opt/allowed /tmp/new", EACCES, KILLED,
           "memfd /opt/allowed"),
)  # fmt: skip

CHANGE = tuple(
    file(name, act.replace("{}", "fixed"), act.replace("{}", "loose"))
    for name, act in (
        ("open for writing", "write /data/{}/file"),
        ("open to append", "append /data/{}/file"),
        ("create", "create /data/{}/created"),
        ("truncate", "truncate /data/{}/file"),
        ("open with O_TRUNC", "truncate-open /data/{}/file"),
        ("chmod", "chmod /data/{}/file"),
        ("chmod by descriptor", "chmod-descriptor /data/{}/file"),
        ("chown", "chown /data/{}/file"),
        ("utimes", "utimes /data/{}/file"),
        ("setxattr", "setxattr /data/{}/file"),
        ("mknod", "mknod /data/{}/node"),
        ("mkdir", "mkdir /data/{}/folder"),
        ("rmdir", "rmdir /data/{}/empty"),
        ("symlink", "make-symlink /etc/passwd /data/{}/link"),
        ("link into", "link /data/plain/key /data/{}/linked-in"),
        ("link out of", "link /data/{}/linked /tmp/linked-out-of-{}"),
        ("rename into", "move /data/spare/to-{} /data/{}/moved-in"),
        ("rename out of", "move /data/{}/moved /tmp/moved-out-of-{}"),
        ("exchange", "exchange /data/spare/for-{} /data/{}/exchanged"),
        ("unlink", "unlink /data/{}/unlinked"),
    )
) + (
    file("rename of a folder above", "move /vol/tree /vol/tree-2", "move /vol/loose-tree /vol/loose-tree-2"),
    file("exchange of a folder above", "exchange /vol/spare /vol/other-tree", "exchange /vol/spare /vol/loose-tree-2"),
)  # fmt: skip

VOLUMES = (
    file("forged folder of the kubelet's", "read /vol/forged/..2026_01_31_09_30_00.123456/token",
         "read /vol/forged/token"),
    file("volume mounted twice", "read /vol/twice/key", "read /vol/spare/file", stage="twice"),
    file("own namespace of a volume", "read-namespace /vol /forged/..2026_01_31_09_30_00.123456/token",
         "read-namespace /vol /forged/token", unavailable="open_tree: EINVAL"),
    file("another spelling on FAT", "read /fat/SECRET/Key", None, stage="fat", unavailable="FAT: "),
)  # fmt: skip

# Without redirect_dir the kernel itself answers so.
REDIRECTED = (
    Attack("rename of a folder of the image", "redirected", "renamed-folder /opt/denied-folder /opt/moved program",
           EXDEV, ALLOWED, "own-folder /new/made /new/moved"),
    Attack("rename into an allowed folder", "redirected", "renamed-folder /other /new/other app/program",
           EXDEV, ALLOWED, "own-folder /new/made-too /new/moved-too"),
    Attack("exchange with a folder of the image", "redirected", "exchange-own /opt/own /opt/empty", EXDEV, ALLOWED),
    Attack("exchange of a folder of the image", "redirected", "exchange /app /tmp", EXDEV, ALLOWED),
)  # fmt: skip

NETWORK = (
    network("TCP connect", "tcp 127.0.0.1 7001", "tcp 127.0.0.1 7000"),
    network("TCP connect by IPv6", "tcp-6 ::1 7001", "tcp-6 ::1 7000"),
    network("IPv4-mapped IPv6", "tcp-6 ::ffff:127.0.0.1 7001", "tcp-6 ::ffff:127.0.0.1 7000"),
    network("TCP fast open", "tcp-fast-open 127.0.0.1 7001", "tcp-fast-open 127.0.0.1 7000"),
    network("io_uring connect", "tcp-ring 127.0.0.1 7001", "tcp-ring 127.0.0.1 7000",
            unavailable="io_uring_setup: (ENOSYS|EPERM)"),
    network("UDP connect", "udp-connect 127.0.0.1 7001", "udp-connect 127.0.0.1 7000"),
    network("UDP sendto", "udp-send 127.0.0.1 7001", "udp-send 127.0.0.1 7000"),
    network("UDP sendmmsg", "udp-send-many 127.0.0.1 7001", "udp-send-many 127.0.0.1 7000"),
    network("UDP to IPv4-mapped IPv6", "udp-send-6 ::ffff:127.0.0.1 7001", "udp-send-6 ::ffff:127.0.0.1 7000"),
    network("ICMP by a raw socket", "icmp 127.0.0.1 0", "icmp 127.0.0.2 0"),
    network("socket after a move to a foreign cgroup", "moved-socket foreign", "moved-socket child"),
    network("bind and listen", "bind-tcp 127.0.0.1 7003", "bind-tcp 127.0.0.1 7000"),
    network("bind by IPv6", "bind-tcp-6 :: 7003", "bind-tcp-6 :: 7000"),
    network("bind UDP", "bind-udp 127.0.0.1 7003", "bind-udp 127.0.0.1 7000"),
    network("bind beside a client's port", "bind-tcp 127.0.0.1 7005", "bind-udp 127.0.0.1 7005"),
    # A client's port lets in what the client asked for.
    network("datagram to a client's port", "udp-to-bound 7005 unasked", "udp-to-bound 7006 asked"),
    # .2 is blocked, .3 is not.
    network("SYN in a peer's name by a raw socket", "forged-raw 10.77.0.2", "forged-raw 10.77.0.3"),
    network("SYN in a peer's name by IP_TRANSPARENT", "forged-transparent 10.77.0.2", "forged-transparent 10.77.0.3"),
    network("SYN in a peer's name by IPV6_FREEBIND", "forged-free fd77::2", "forged-free fd77::3"),
)  # fmt: skip

KERNEL = (
    surface("mount tmpfs", "mount-tmpfs"),
    surface("mount proc", "mount-proc"),
    surface("bind mount", "mount-bind"),
    surface("remount", "remount"),
    surface("change propagation", "propagation"),
    surface("move a mount", "mount-move"),
    surface("move_mount", "move-mount"),
    surface("fsopen and fsmount", "fsmount"),
    # No hook tells it; what was cloned is reached by nobody until it is moved.
    Attack("open_tree", "kernel", "open-tree", ALLOWED, ALLOWED),
    surface("pivot_root", "pivot-root"),
    surface("umount", "umount"),
    surface("unshare user namespace", "unshare-user"),
    surface("clone user namespace", "clone-user"),
    surface("ptrace a sibling", "ptrace-attach 0"),
    surface("ptrace seize", "ptrace-seize 0"),
    surface("process_vm_writev", "process-vm-write 0"),
    surface("process_vm_readv", "process-vm-read 0"),
    surface("/proc/PID/mem", "proc-mem 0", denied=EACCES),
    surface("pidfd_getfd", "pidfd-getfd 0"),
    surface("bpf map", "bpf-map"),
    surface("bpf program", "bpf-program"),
    surface("io_uring_setup", "io-uring", unavailable="io_uring_setup: ENOSYS"),
    surface("AF_PACKET", "packet-socket"),
    surface("raw socket", "raw-socket"),
    surface("raw IPv6 socket", "raw-socket-6"),
    surface("init_module", "init-module", unavailable="no such call"),
    surface("finit_module", "finit-module", unavailable="no such call"),
    surface("delete_module", "delete-module", unavailable="no such call"),
    surface("kexec_load", "kexec", unavailable="no such call"),
    surface("kexec_file_load", "kexec-file", unavailable="no such call"),
    surface("add_key", "add-key"),
    surface("keyctl", "keyctl"),
    surface("perf_event_open", "perf-event"),
    surface("mmap of writable code", "map-code", stage="allow"),
    surface("mprotect of written memory", "protect-code", stage="allow"),
    # No rule of that profile forbids it.
    Attack("memory with code under rules for programs", "deny", "map-code", ALLOWED, ALLOWED),
)

NO_FORCE = "write to code: EIO"

CODE = (
    # No hook tells; the filter refuses it at every tier.
    Attack("brk under READ_IMPLIES_EXEC", "code", "code-implied", EPERM, EPERM, "ask-personality"),
    # Without a filter it is a gap: docs/tiers.md.
    Attack("brk under READ_IMPLIES_EXEC without a filter", "allow", "code-implied", ALLOWED, ALLOWED),
    surface("two views of /dev/zero", "code-shared-zero", stage="code"),
    surface("userfaultfd in /dev/zero", "code-private-zero", stage="code", unavailable="userfaultfd: (ENOSYS|EFAULT)"),
    surface("userfaultfd in a file's pages", "code-filled-file /dev/filled", stage="code",
            unavailable="userfaultfd: (ENOSYS|EFAULT)"),
    surface("code of one's own child by ptrace", "code-poke", stage="code"),
    surface("code by another process's ptrace", "ptrace-attach 0", stage="code"),
    surface("code by process_vm_writev", "process-vm-write 0", stage="code"),
    surface("code by /proc/self/mem", "code-memory /proc/self/mem", stage="code", twin="read /proc/self/maps",
            unavailable=NO_FORCE),
    surface("code by /proc/PID/task/TID/mem", "code-thread-memory", stage="code", unavailable=NO_FORCE),
    surface("code by memory that was passed in from outside", "passed-memory", stage="code", unavailable=NO_FORCE),
    surface("code in a memfd", "code-memfd", stage="code"),
    surface("code in System V shared memory", "code-shm", stage="code"),
    # The code is in a file. newExecutables judges such files: docs/tiers.md.
    Attack("mapped file that is written", "code", "code-written-file /tmp/written", ALLOWED, ALLOWED),
    Attack("mapped file that is written by a mapping", "code", "code-shared-file /tmp/shared", ALLOWED, ALLOWED),
    loaded("mapped new file that is written", "code-written-file /tmp/written", stage="allow"),
    loaded("mapped new file that is written by a mapping", "code-shared-file /tmp/shared", stage="allow"),
)  # fmt: skip

NO_FAMILY, NO_RING = "no such family", "io_uring_setup: (ENOSYS|EPERM)"


def families(stage, signal):
    """38 is AF_ALG, 40 AF_VSOCK, 43 AF_SMC, 17 AF_PACKET; 256 is SMC as a protocol."""
    by_filter = stage == "filtered families"

    def row(name, act, twin=None, **more):
        return Attack(f"{name}, {stage}", stage, act, EPERM, signal, twin, **more)

    return (
        row("AF_ALG", "socket 38 5 0", "socket 16 3 0", unavailable=NO_FAMILY),
        row("AF_VSOCK", "socket 40 1 0", "socket 1 1 0", unavailable=NO_FAMILY),
        row("AF_PACKET", "socket 17 3 0", "socket 10 2 0"),
        # The kernel makes AF_PACKET of it.
        row("SOCK_PACKET of AF_INET", "socket 2 10 768", "socket 2 2 17"),
        row("AF_SMC", "socket 43 1 0", "socket 2 1 0", unavailable=NO_FAMILY),
        row("SMC as a protocol", "socket 2 1 256", "socket 2 1 262", unavailable=NO_FAMILY),
        row("family with upper bits", "socket-wide 38 5 0", "socket-wide 2 1 0", unavailable=NO_FAMILY),
        row("protocol with upper bits", "socket-wide 2 1 256", "socket-wide 2 1 6", unavailable=NO_FAMILY),
        row("pair of AF_ALG", "socket-pair 38", "socket-pair 1", unavailable=NO_FAMILY),
        row("family after a move to a foreign cgroup", "moved-family foreign 38", "moved-family child 1",
            unavailable=NO_FAMILY),
        row("family by socketcall", "socket-32 38 5 0", None if by_filter else "socket-32 2 1 0",
            unavailable="no such family|no 32-bit calls"),
    )  # fmt: skip


SOCKETS = (
    *families("families", ALLOWED),
    *(
        dataclasses.replace(attack, better=KILLED, signal=KILLED) if attack.act.startswith("socket-32") else attack
        for attack in families("filtered families", EPERM)
    ),
    Attack("family by a ring, families", "families", "socket-ring 38 5 0", EPERM, ALLOWED, "socket-ring 2 1 0",
           unavailable=f"{NO_FAMILY}|{NO_RING}"),
    # The filter denies the ring itself, and the act then says that there is none.
    Attack("ring, filtered families", "filtered families", "io-uring", EPERM, EPERM, unavailable=NO_RING),
)  # fmt: skip

MEMORY = (
    file("threads beyond Stockade's memory", "threads any 3000 /data/secret/key", "threads all 3000 /data/plain/key",
         stage="memory"),
)  # fmt: skip

ATTACKS = (
    *NAMES, *LINKS, *INNOCENT, *SCRIPTS, *NEW, *MOUNTS, *HOST, *USERS, *EXEC, *HOOKS, *LISTED, *READ, *CHANGE, *VOLUMES,
    *REDIRECTED, *OTHERS, *DAEMON, *NETWORK, *KERNEL, *CODE, *SOCKETS, *MEMORY, *RACES,
)  # fmt: skip
