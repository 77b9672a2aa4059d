"""A pod annotated with a profile has its rules enforced; in both ways of running the plugin."""

import pathlib
import socket

from case import PluginCase
from cri import Refused, api
from host import command_of, wait_until
from plugin import LOCKED_NAMESPACE
from profiles import ALLOWED, BLOCKED, SERVED
from servers import Server, ask
from ways import DISGUISES


class Enforcement:
    """Mixed into a PluginCase for each way of running the plugin."""

    def test_exec_works_for_allowed_programs_and_fails_for_denied_ones(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.assert_runs(container, "id", "-u", prints="0\n")
        self.assert_runs(container, "/opt/tools/date", "-d", "@0", "-u", "+%Y", prints="1970\n")
        self.assert_denied(container, "wc", "/usr/bin/script")
        self.assert_denied(container, "/opt/tools/deep/cal")

    def test_a_denied_program_stays_denied_however_it_is_reached(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        for way, script in DISGUISES.items():
            with self.subTest(way):
                output = container.exec("sh", "-c", f"{script}; echo status $?")
                self.assertRegex(output.out, "^status (126|137)\n$")

    def test_a_deny_rule_leaves_everything_else_alone(self):
        container = self.profiled_pod("no-id").run("probe", "sleep")
        self.assert_denied(container, "id")
        self.assert_runs(container, "script", prints="script ran\n")

    def test_the_entrypoint_may_run_once_and_nothing_after_it(self):
        container = self.profiled_pod("entrypoint-only").run("probe", "sleep")
        self.assertTrue(pathlib.Path(f"/proc/{container.pid}/exe").exists())
        self.assert_denied(container, "probe", "sleep")

    def test_a_denied_entrypoint_never_gets_to_its_first_write(self):
        container = self.profiled_pod("no-id").create("id")
        try:
            container.start()
        except Refused:
            return
        self.assertEqual(self.wait_for_exit(container).exit_code, 137)
        self.assertEqual(container.log, "")

    def test_egress_reaches_what_is_allowed_and_nothing_else(self):
        servers = [Server(port) for port in (ALLOWED, BLOCKED)]
        for server in servers:
            self.addCleanup(server.close)
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.assert_runs(container, "probe", "tcp", "127.0.0.1", str(ALLOWED), prints="echo: hello\n")
        self.assert_runs(container, "probe", "udp", "127.0.0.1", str(ALLOWED), prints="echo: hello\n")
        for kind, refusal in (("tcp", "connect"), ("udp", "send")):
            with self.subTest(kind):
                output = container.exec("probe", kind, "127.0.0.1", str(BLOCKED))
                self.assertEqual(output.out, f"{refusal}: Operation not permitted\n")
        self.assertEqual([server.visitors for server in servers], [2, 0])

    def test_a_server_answers_its_clients_under_egress_block(self):
        container = self.profiled_pod("shop").run("probe", "serve", str(SERVED))
        self.wait_for_log(container, "serving")
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for address in ("127.0.0.1", "::1"):
                with self.subTest(kind=kind.name, address=address):
                    self.assertEqual(ask(kind, address, SERVED), b"echo: hello")

    def test_a_port_closed_to_ingress_cannot_be_bound_or_reached(self):
        container = self.profiled_pod("closed-port").run("probe", "sleep")
        output = container.exec("probe", "serve", str(SERVED))
        self.assertRegex(output.out, "^bind: (Operation not permitted|Permission denied)\n$")

    def test_audit_mode_reports_and_denies_nothing(self):
        container = self.profiled_pod("audited").run("probe", "sleep")
        self.assert_runs(container, "id", "-u", prints="0\n")
        wait_until("the event", lambda: any(self.is_about(event, container) for event in self.plugin.events()))

    def test_a_denial_is_reported_with_container_profile_and_path(self):
        container = self.profiled_pod("no-id").run("probe", "sleep")
        self.assert_denied(container, "id")

        def reported():
            return [event for event in self.plugin.events() if self.is_about(event, container)]

        event = wait_until("the event", reported)[0]
        self.assertIn("no-id", str(event))
        self.assertIn("/usr/bin/id", str(event))

    def is_about(self, event: dict, container) -> bool:
        return container.id in str(event)

    def test_a_container_without_profile_is_left_alone(self):
        bound, free = self.profiled_pod("no-id").run("probe", "sleep"), self.pod().run("probe", "sleep")
        self.assert_denied(bound, "id")
        self.assert_runs(free, "id", "-u", prints="0\n")

    def test_the_annotation_for_one_container_wins_over_the_pods(self):
        pod = self.pod(annotations={"profile.stockade.dev": "no-id", "profile.stockade.dev/container.helper": "shop"})
        self.assert_denied(pod.run("probe", "sleep", name="app"), "id")
        self.assert_runs(pod.run("probe", "sleep", name="helper"), "id", "-u", prints="0\n")

    def test_a_required_binding_of_the_namespace_wins_over_the_annotation(self):
        container = self.profiled_pod("shop", namespace=LOCKED_NAMESPACE).run("probe", "sleep")
        self.assert_denied(container, "id")
        self.assert_runs(container, "script", prints="script ran\n")

    def test_the_shipped_profiles_for_nodes_like_this_one_run_a_container(self):
        for profile in ("deny-network", "audit-all"):
            with self.subTest(profile):
                container = self.profiled_pod(profile).run("probe", "sleep")
                # Start returns before the runtime's process becomes the container's.
                wait_until("the entrypoint to run", lambda: "probe" in command_of(container.pid))
                self.assertEqual(container.status.state, api.CONTAINER_RUNNING)

    def test_a_container_outside_kubepods_is_bound_as_well(self):
        container = self.profiled_pod("shop", cgroup_parent="").run("probe", "sleep")
        self.assert_bound_to_shop(container)

    def test_a_profile_that_does_not_exist_is_refused_by_its_name(self):
        with self.assertRaisesRegex(Refused, "no-such-profile"):
            self.profiled_pod("no-such-profile").create("probe", "sleep")

    def test_seccomp_that_the_runtime_ignores_is_refused_with_the_reason(self):
        if self.runtime.has_seccomp_adjustment:
            self.skipTest("this containerd takes a seccomp policy")
        with self.assertRaisesRegex(Refused, "syscalls.*seccomp.*containerd"):
            self.profiled_pod("syscalls").create("probe", "sleep")

    def test_seccomp_that_the_runtime_ignores_runs_with_a_warning_where_the_profile_says_so(self):
        if self.runtime.has_seccomp_adjustment:
            self.skipTest("this containerd takes a seccomp policy")
        container = self.profiled_pod("syscalls-if-possible").run("probe", "sleep")
        self.assertRegex(pathlib.Path(f"/proc/{container.pid}/status").read_text(), r"(?m)^Seccomp:\s+0$")
        self.assert_denied(container, "id")
        wait_until("the warning", lambda: "seccomp" in self.plugin.messages())

    def test_the_shipped_filter_is_in_force_where_the_runtime_takes_it(self):
        if not self.runtime.takes_errno:
            self.skipTest(f"containerd {self.runtime.version} takes no filter with an errno")
        for profile in ("syscalls", "signal-baseline"):
            with self.subTest(profile):
                container = self.profiled_pod(profile).run("probe", "sleep")
                self.assertRegex(pathlib.Path(f"/proc/{container.pid}/status").read_text(), r"(?m)^Seccomp:\s+2$")
                self.assert_runs(container, "id", "-u", prints="0\n")

    def test_a_refused_start_leaves_nothing(self):
        pod = self.profiled_pod("needs-filter")
        container = pod.create("probe", "sleep")
        with self.assertRaisesRegex(Refused, "needs-filter"):
            container.start()
        self.assertFalse(container.log)
        container.remove()
        wait_until("its cgroup to go", lambda: not container.cgroup.exists())
        pod.remove()
        self.assert_nothing_bound()

    def test_a_removed_container_leaves_nothing_while_its_neighbour_stays_bound(self):
        pod = self.profiled_pod("shop")
        gone, stays = pod.run("probe", "sleep", name="gone"), pod.run("probe", "sleep", name="stays")
        gone.stop()
        gone.remove()
        wait_until("its cgroup to go", lambda: not gone.cgroup.exists())
        self.assert_bound_to_shop(stays)


class Launched(Enforcement, PluginCase):
    launched = True


class External(Enforcement, PluginCase):
    launched = False
