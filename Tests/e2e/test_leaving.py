"""What leaves the container stays bound: into another cgroup, into the host's mount namespace."""

import ways
from case import PluginCase
from cri import api
from host import unified
from profiles import BLOCKED
from servers import Server


class Leaving(PluginCase):
    def setUp(self):
        super().setUp()
        ways.make_other_cgroup(self)

    def privileged_container(self):
        """As privileged as pods get: the host's pids, and its cgroups to write."""
        pod = self.profiled_pod("shop", pids=api.NODE, privileged=True)
        return pod.run("probe", "sleep", mounts={"/cgroup": str(unified())})

    def test_a_process_in_another_cgroup_may_not_exec_what_is_denied(self):
        script = f"{ways.MOVE}; /usr/bin/wc /usr/bin/script; echo status $?"
        output = self.privileged_container().exec("sh", "-c", script)
        self.assertRegex(output.out, "^moved\nstatus (126|137)\n$")

    def test_a_process_in_another_cgroup_may_not_reach_what_is_denied(self):
        server = Server(BLOCKED)
        self.addCleanup(server.close)
        container = self.privileged_container()
        for kind in ("tcp", "udp"):
            output = container.exec("sh", "-c", f"{ways.MOVE}; probe {kind} 127.0.0.1 {BLOCKED}")
            self.assertIn("moved\n", output.out)
            self.assertNotIn("echo: hello", output.out)
        self.assertEqual(server.visitors, 0)

    def test_a_process_in_the_hosts_mount_namespace_may_not_exec_what_is_denied(self):
        container = self.privileged_container()
        with ways.host_marker() as marker:
            entered = container.exec("sh", "-c", f"{ways.ENTER_HOST} /usr/bin/touch {marker}")
            self.assertNotEqual(entered.code, 0)
            self.assertFalse(marker.exists())
