"""containerd refuses containers while a plugin is away that its configuration requires."""

from case import PluginCase


class RequiredPlugin(PluginCase):
    launched = False

    @classmethod
    def install(cls):
        super().install()
        cls.runtime.requires_plugin = cls.runtime.has_validation

    def setUp(self):
        if not self.runtime.has_validation:
            self.skipTest(f"containerd {self.runtime.version} has no required_plugins")
        super().setUp()

    def test_no_container_is_made_while_the_plugin_is_away(self):
        pod = self.profiled_pod("shop")
        self.plugin.kill()
        self.assert_create_answered("the first Create", pod)
        for _ in range(2):
            self.assert_create_answered("a later Create of a required plugin", pod)
        self.plugin.start()
        self.assert_bound_to_shop(pod.run("probe", "sleep"))

    def test_a_pod_is_made_while_the_plugin_is_away_but_no_container_of_it(self):
        self.plugin.stop()
        pod = self.profiled_pod("shop")
        self.assert_create_answered("a later Create of a required plugin", pod)
        self.plugin.start()
        self.assert_bound_to_shop(pod.run("probe", "sleep"))
