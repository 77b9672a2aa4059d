"""The rig itself, with no plugin: what the other tests take for granted."""

import ways
from case import RuntimeCase
from cri import Refused, api
from host import hierarchies, unified, wait_until

PORT = 19180


class ContainerdWithoutPlugin(RuntimeCase):
    def test_a_container_runs_executes_and_is_removed(self):
        pod = self.pod()
        container = pod.run("probe", "serve", str(PORT))
        self.wait_for_log(container, "serving")
        self.assertEqual(container.exec("id", "-u").out, "0\n")
        self.assertEqual(container.exec("probe", "tcp", "127.0.0.1", str(PORT)).out, "echo: hello\n")
        self.assertEqual(container.exec("probe", "udp", "::1", str(PORT)).out, "echo: hello\n")
        self.assertEqual(container.exec("script").out, "script ran\n")
        container.stop()
        self.assertEqual(self.wait_for_exit(container).exit_code, 0)
        container.remove()
        pod.remove()
        self.assertEqual(self.runtime.cri.containers(), [])

    def test_containers_lie_below_the_cgroup_parent_in_every_hierarchy(self):
        container = self.pod().run("probe", "sleep")
        for top in hierarchies():
            with self.subTest(hierarchy=str(top)):
                processes = top / container.pod.cgroup_parent.strip("/") / container.id / "cgroup.procs"
                self.assertEqual(processes.read_text().split(), [str(container.pid)])

    def test_without_a_cgroup_parent_containers_lie_below_k8s_io(self):
        container = self.pod(cgroup_parent="").run("probe", "sleep")
        self.assertTrue(container.cgroup.is_dir())

    def test_running_containers_outlive_a_restart_of_containerd(self):
        container = self.pod().run("probe", "sleep")
        pid = container.pid
        self.runtime.stop()
        self.runtime.start()
        self.assertEqual(container.pid, pid)
        self.assertEqual(container.status.state, api.CONTAINER_RUNNING)

    def test_the_cgroup_of_a_container_goes_with_it(self):
        container = self.pod().run("probe", "sleep")
        cgroup = container.cgroup
        container.stop()
        container.remove()
        wait_until(f"{cgroup} to go", lambda: not cgroup.exists())

    def test_a_program_that_does_not_exist_is_refused(self):
        with self.assertRaisesRegex(Refused, "no such file|not found"):
            self.pod().run("no-such-program")

    def test_every_disguise_of_a_program_works_where_no_profile_is(self):
        container = self.pod().run("probe", "sleep")
        for way, script in ways.DISGUISES.items():
            with self.subTest(way):
                output = container.exec("sh", "-c", f"{script}; echo status $?")
                self.assertRegex(output.out, "(?s).+status 0\n$")

    def test_the_ways_out_of_a_container_lead_out_where_no_profile_is(self):
        ways.make_other_cgroup(self)
        pod = self.pod(pids=api.NODE, privileged=True)
        container = pod.run("probe", "sleep", mounts={"/cgroup": str(unified())})
        output = container.exec("sh", "-c", f"{ways.MOVE}; /usr/bin/wc -c /usr/bin/script")
        self.assertEqual(output.text, "moved\n26 /usr/bin/script\n")
        with ways.host_marker() as marker:
            output = container.exec("sh", "-c", f"{ways.ENTER_HOST} /usr/bin/touch {marker}")
            self.assertEqual((output.text, marker.exists()), ("", True))
