"""What every test stands on: a containerd, pods and containers in a line each, and their removal."""

import contextlib
import os
import pathlib
import unittest
import uuid

import away
import cri
import image
import leftovers
import profiles
from containerd import Containerd
from cri import api
from host import SCRATCH, hierarchies, remove_cgroups, unified, wait_until
from plugin import Plugin

NAMESPACE = "tests"
# A pod's cgroup as the kubelet names it. With the systemd driver's names containerd would ask systemd for a scope.
POD_CGROUP = "/kubepods/besteffort/pod{uid}"
RELEASE_SECONDS = 20  # of which a replaced policy stays up to 15


class Container:
    """One container of a pod, created but not started."""

    def __init__(self, runtime: Containerd, pod: "Pod", name: str, identifier: str):
        self.runtime, self.pod, self.name, self.id = runtime, pod, name, identifier

    def start(self) -> "Container":
        self.runtime.cri.start(self.id)
        # What the plugin knows it by, also when the folder is gone: of one that was killed at once it already is.
        with contextlib.suppress(FileNotFoundError):
            self.cgroup_id = self.cgroup.stat().st_ino
        return self

    def exec(self, *command: str) -> cri.Output:
        return self.runtime.cri.exec(self.id, list(command))

    def stop(self) -> None:
        self.runtime.cri.stop(self.id)

    def remove(self) -> None:
        self.runtime.cri.remove(self.id)

    @property
    def pid(self) -> int:
        return self.runtime.cri.pid(self.id)

    @property
    def status(self) -> api.ContainerStatus:
        return self.runtime.cri.status(self.id)

    @property
    def log(self) -> str:
        """What it printed, as the runtime keeps it."""
        return (self.pod.logs / self.name).read_text(errors="replace")

    @property
    def cgroup(self) -> pathlib.Path:
        return unified() / self.pod.cgroup_parent.strip("/") / self.id


class Pod:
    """A pod on the host's network, as kubelet asks for it."""

    def __init__(self, runtime: Containerd, annotations: dict[str, str], cgroup_parent: str,
                 pids: int, privileged: bool, labels: dict[str, str], namespace: str):
        self.runtime, self.privileged = runtime, privileged
        uid = str(uuid.uuid4())
        cgroup_parent = cgroup_parent.format(uid=uid)
        # Where containers lie: containerd has a place of its own for those without a parent.
        self.cgroup_parent = cgroup_parent or "/k8s.io"
        self.logs = SCRATCH / "logs" / uid
        self.namespaces = api.NamespaceOption(
            network=api.NODE, pid=pids, ipc=api.POD
        )
        self.config = api.PodSandboxConfig(
            metadata=api.PodSandboxMetadata(name=f"pod-{uid[:8]}", uid=uid, namespace=namespace),
            log_directory=str(self.logs), annotations=annotations, labels=labels,
            linux=api.LinuxPodSandboxConfig(
                cgroup_parent=cgroup_parent,
                security_context=api.LinuxSandboxSecurityContext(
                    namespace_options=self.namespaces, privileged=privileged
                ),
            ),
        )
        make_parent_cgroups(self.cgroup_parent)
        self.run_sandbox()

    def run_sandbox(self) -> None:
        """Another one, after the first: as the kubelet makes it for the same pod, in the same cgroup."""
        self.id = self.runtime.cri.run_pod(self.config)
        self.config.metadata.attempt += 1

    @property
    def pid(self) -> int:
        """Of the sandbox's own process."""
        return self.runtime.cri.pod_pid(self.id)

    def create(self, *command: str, name: str = "app", mounts: dict[str, str] | None = None,
               devices: list[str] | None = None) -> Container:
        """A container that will run `command`; `mounts` are host folders by where they appear, `devices` CDI's."""
        config = api.ContainerConfig(
            metadata=api.ContainerMetadata(name=name), image=api.ImageSpec(image=image.NAME), command=command,
            mounts=[api.Mount(container_path=inside, host_path=outside) for inside, outside in (mounts or {}).items()],
            log_path=name, CDI_devices=[api.CDIDevice(name=device) for device in devices or []],
            linux=api.LinuxContainerConfig(
                security_context=api.LinuxContainerSecurityContext(
                    privileged=self.privileged, namespace_options=self.namespaces
                )
            ),
        )
        return Container(self.runtime, self, name, self.runtime.cri.create(self.id, config, self.config))

    def run(self, *command: str, **options) -> Container:
        return self.create(*command, **options).start()

    def remove(self) -> None:
        self.runtime.cri.stop_pod(self.id)
        self.runtime.cri.remove_pod(self.id)
        remove_parent_cgroups(self.cgroup_parent)


def make_parent_cgroups(parent: str) -> None:
    """As kubelet does before it asks for a pod."""
    for top in hierarchies():
        (top / parent.strip("/")).mkdir(parents=True, exist_ok=True)


def remove_parent_cgroups(parent: str) -> None:
    """As kubelet does after it, with those below that the runtime forgot, and up to the top: nothing of ours stays.
    Folders that others use are not empty."""
    for top in hierarchies():
        folder = top / parent.strip("/")
        remove_cgroups({below for below, _, _ in os.walk(folder)})
        while folder != top:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
            folder = folder.parent


class RuntimeCase(unittest.TestCase):
    """Tests with a containerd that is started before the first and stopped after the last."""

    runtime: Containerd

    @classmethod
    def setUpClass(cls):
        cls.runtime = Containerd(pathlib.Path(os.environ["E2E_CONTAINERD"]), pathlib.Path(os.environ["E2E_IMAGE"]))
        cls.install()
        cls.addClassCleanup(cls.runtime.stop)
        cls.runtime.start()

    @classmethod
    def install(cls):
        """What containerd finds when it starts."""

    def setUp(self):
        self.parent_cgroups: set[str] = set()

    def tearDown(self):
        self.runtime.remove_all()
        for parent in self.parent_cgroups:
            remove_parent_cgroups(parent)

    def pod(self, *, annotations: dict[str, str] | None = None, cgroup_parent: str = POD_CGROUP,
            pids: int = api.CONTAINER, privileged: bool = False, labels: dict[str, str] | None = None,
            namespace: str = NAMESPACE) -> Pod:
        """A running pod that is removed after the test. `pids`: with whom its containers share the pid namespace."""
        pod = Pod(self.runtime, annotations or {}, cgroup_parent, pids, privileged, labels or {}, namespace)
        self.parent_cgroups.add(pod.cgroup_parent)
        return pod

    def wait_for_exit(self, container: Container) -> api.ContainerStatus:
        wait_until("the container to end", lambda: container.status.state == api.CONTAINER_EXITED)
        return container.status

    def wait_for_log(self, container: Container, text: str) -> None:
        wait_until(f'the container to print "{text}"', lambda: text in container.log)


class PluginCase(RuntimeCase):
    """Tests with the plugin in place. `launched` says who starts it: containerd, or the test as an administrator."""

    launched = True
    plugin: Plugin

    @classmethod
    def setUpClass(cls):
        if "E2E_PLUGIN" not in os.environ:
            raise unittest.SkipTest("no --plugin was given")
        super().setUpClass()
        cls.addClassCleanup(cls.plugin.stop)
        if cls.launched:
            cls.plugin.wait_for_registration(0)
        else:
            cls.plugin.start()
        cls.addClassCleanup(cls.assert_nothing_bound)

    @classmethod
    def install(cls):
        cls.plugin = Plugin(cls.runtime, cls.launched)
        cls.addClassCleanup(cls.plugin.uninstall)
        cls.plugin.install(profiles.all_profiles())

    def setUp(self):
        super().setUp()
        # The test before may have failed between the plugin's end and its replacement.
        if self.plugin.pid is None:
            self.replace_plugin()

    def tearDown(self):
        super().tearDown()
        # Policies go some seconds later, for which the class's end waits.
        self.assert_nothing_bound(leftovers.CONTAINER_MAPS)

    def profiled_pod(self, profile: str, more: dict[str, str] | None = None, **options) -> Pod:
        """`more`: other annotations."""
        return self.pod(annotations={"profile.stockade.dev": profile, **(more or {})}, **options)

    # ---- the plugin comes and goes ----

    def restart_runtime(self) -> None:
        """Restarts containerd and waits until the plugin is with it again."""
        before = self.plugin.registrations
        self.runtime.stop()
        self.runtime.start()
        self.plugin.wait_for_registration(before)

    def replace_plugin(self) -> None:
        """After the plugin was killed: a new one. Containerd never launches one again but when it starts itself."""
        if self.launched:
            self.restart_runtime()
        else:
            self.plugin.start()

    # ---- what must hold ----

    def assert_runs(self, container: Container, *command: str, prints: str) -> None:
        output = container.exec(*command)
        self.assertEqual((output.code, output.text), (0, prints), f"{command} should run")

    def assert_denied(self, container: Container, *command: str) -> None:
        """The program did not get to its first write: killed, or refused by a tier that can say so."""
        try:
            output = container.exec(*command)
        except cri.Refused as refusal:
            self.assertRegex(str(refusal), "(?i)permission denied|not permitted", f"{command} should be denied")
            return
        if output.text == f"exec /usr/bin/{command[0]}: permission denied\n":
            return  # tier lsm: the runtime says so
        self.assertIn(output.code, (126, 137), f"{command} should be denied, printed {output.text!r}")
        self.assertNotIn("uid=", output.text)

    def assert_never_ran(self, container: Container) -> None:
        """A container that runs `script`: killed, or refused by a tier that can say so."""
        self.assertIn(self.wait_for_exit(container).exit_code, (1, 126, 137, 255))
        self.assertRegex(container.log, "^([^\n]*permission denied\n)*$")

    def assert_bound_to_shop(self, container: Container) -> None:
        """Whether profile `shop` is in force, for processes that come in and for the network."""
        self.assert_runs(container, "id", "-u", prints="0\n")
        self.assert_denied(container, "wc", "/etc/passwd")
        refused = container.exec("probe", "tcp", "127.0.0.1", str(profiles.BLOCKED))
        self.assertEqual(refused.out, "connect: Operation not permitted\n")

    def assert_create_answered(self, asked: str, pod: Pod) -> None:
        """A Create while the plugin is away: `asked` is of away.RECORDED."""
        message = away.message(asked, self.runtime.release)
        name = f"asked-{uuid.uuid4()}"
        if message is None:
            pod.create("probe", "sleep", name=name)
            return
        with self.assertRaisesRegex(cri.Refused, message):
            pod.create("probe", "sleep", name=name)

    def assert_released(self, container: Container) -> None:
        """No pin and no map entry of this container is left, while its pod may live on."""
        identifier = container.cgroup_id
        with contextlib.suppress(TimeoutError):
            wait_until("its release", lambda: not leftovers.bound(identifier), RELEASE_SECONDS)
        self.assertEqual(leftovers.bound(identifier), [])

    @staticmethod
    def assert_nothing_bound(names: set[str] = leftovers.CONTAINER_MAPS | leftovers.POLICY_MAPS) -> None:
        """No pin and no map entry of any container or pod is left."""
        with contextlib.suppress(TimeoutError):
            wait_until("the last release", lambda: not leftovers.bound(names=names), RELEASE_SECONDS)
        left = leftovers.bound(names=names)
        if left:
            raise AssertionError(f"left behind: {left}")
