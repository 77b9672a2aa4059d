"""The rendered manifests are what Kubernetes takes, and fit together."""

import copy
import os
import pathlib
import re
import subprocess
import tempfile
import textwrap
import unittest

import kubernetes_validate
import yaml

import rendered

# The first version with what the policies need, and the newest that the validator knows.
VERSIONS = ("1.30", "1.37")
CONFIG_MAP_BYTES_MAX = 1 << 20


def problem(document: dict, version: str) -> str | None:
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return error.message
    return None


class Manifests(unittest.TestCase):
    document = (rendered.ROOT / "docs/kubernetes.md").read_text()

    def examples(self) -> list[dict]:
        fences = re.findall(r"^ *```yaml\n(.*?)^ *```$", self.document, re.DOTALL | re.MULTILINE)
        return [yaml.safe_load(textwrap.dedent(body)) for body in fences]

    def test_every_manifest_is_valid(self):
        for folder in ("", "policies", "remove", "namespace"):
            found = rendered.documents(rendered.kustomize(rendered.FOLDER / folder))
            self.assertGreater(len(found), 0)
            for document in [*found, *(rendered.everything() if not folder else [])]:
                for version in VERSIONS:
                    with self.subTest(kind=document["kind"], name=document["metadata"]["name"], version=version):
                        self.assertIsNone(problem(document, version))

    def test_the_examples_of_the_document_are_valid_and_name_what_is_there(self):
        kustomization, _, _, binding = self.examples()
        self.assertIsNone(problem(binding, VERSIONS[-1]))
        rendered.of_kind("ClusterRole", binding["roleRef"]["name"])
        paths = kustomization["resources"] + re.findall(r"(?:components|resources): \[([^]]*)\]", self.document)
        for path in paths:
            folder = path.removeprefix("../").removeprefix("stockade/")
            self.assertTrue((rendered.ROOT / folder / "kustomization.yaml").exists(), path)
        self.assertEqual(kustomization["images"][0]["name"], "stockade")

    def test_the_examples_add_a_selector_a_profile_and_a_configuration(self):
        kustomization, patches, additions, _ = self.examples()
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "stockade").symlink_to(rendered.ROOT)
            for file in ("worker.yaml", "stockade.yaml"):
                (folder / file).write_text(f"# {file} of somebody's own\n")
            (folder / "kustomization.yaml").write_text(yaml.safe_dump({**kustomization, **patches, **additions}))
            found = rendered.documents(rendered.kustomize(folder))
        pod = rendered.of_kind("DaemonSet", "stockade", found)["spec"]["template"]["spec"]
        self.assertEqual(pod["nodeSelector"]["stockade.example/canary"], "true")
        self.assertIn("kubernetes.io/os", pod["nodeSelector"])
        profiles = rendered.of_kind("ConfigMap", "stockade-profiles", found)["data"]
        self.assertEqual(profiles["worker.yaml"], "# worker.yaml of somebody's own\n")
        self.assertIn("audit-all.yaml", profiles)
        configuration = rendered.of_kind("ConfigMap", "stockade-configuration", found)["data"]
        self.assertEqual(configuration, {"stockade.yaml": "# stockade.yaml of somebody's own\n"})

    def test_the_validator_finds_a_wrong_key(self):
        wrong = copy.deepcopy(rendered.of_kind("DaemonSet", "stockade"))
        wrong["spec"]["template"]["spec"]["hostPid"] = True
        self.assertIn("hostPid", problem(wrong, VERSIONS[-1]))

    def test_each_profile_is_in_the_config_map_and_it_fits(self):
        data = rendered.of_kind("ConfigMap", "stockade-profiles")["data"]
        profiles = rendered.ROOT / "config/profiles"
        self.assertEqual(data, {file.name: file.read_text() for file in profiles.glob("*.yaml")})
        self.assertLess(sum(map(len, data.values())), CONFIG_MAP_BYTES_MAX / 2)

    def test_the_configuration_is_one_that_stockade_takes_beside_these_profiles(self):
        text = rendered.of_kind("ConfigMap", "stockade-configuration")["data"]["stockade.yaml"]
        profiles = rendered.ROOT / "config/profiles"
        self.assertIn("\nprofilesFolder: /etc/stockade/cluster/profiles\n", text)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "stockade.yaml")
            file.write_text(text.replace("/etc/stockade/cluster/profiles", str(profiles)))
            checked = subprocess.run([os.environ["STOCKADE"], "config", "check", file], capture_output=True, text=True,
                                     check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_the_pods_of_stockade_are_unconfined_whatever_they_say(self):
        text = rendered.of_kind("ConfigMap", "stockade-configuration")["data"]["stockade.yaml"]
        (binding,) = rendered.documents(text)[0]["bindings"]
        self.assertEqual((binding["namespaces"], binding["profile"], binding["required"]),
                         ([rendered.of_kind("DaemonSet", "stockade")["metadata"]["namespace"]], "unconfined", True))

    def test_each_command_is_a_script_that_is_there(self):
        remover = rendered.of_kind(
            "Job", "stockade-remove", rendered.documents(rendered.kustomize(rendered.FOLDER / "remove")))
        pods = [document["spec"]["template"]["spec"]
                for document in (rendered.of_kind("DaemonSet", "stockade"), remover)]
        names = {container["command"][0] for pod in pods for container in pod["containers"]}
        self.assertEqual(names, {f"/usr/lib/stockade/{name}" for name in (
            "install-node", "remove-node", "remove-taint")})
        for name in names:
            self.assertTrue(os.access(rendered.FOLDER / "node" / pathlib.Path(name).name, os.X_OK), name)

    def test_the_folders_that_the_scripts_write_are_mounted(self):
        common = (rendered.FOLDER / "node/common.sh").read_text()
        pod = rendered.of_kind("DaemonSet", "stockade")["spec"]["template"]["spec"]
        hosts = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
        (install,) = (each for each in pod["containers"] if each["name"] == "install")
        mounts = {mount["name"]: mount["mountPath"] for mount in install["volumeMounts"]}
        for line in ("program=/usr/local/sbin/stockade", "unit=/etc/systemd/system/stockade.service",
                     "etc=/etc/stockade"):
            self.assertIn(f"\n{line}\n", common)
        self.assertEqual(set(hosts.values()), {"/usr/local/sbin", "/etc/systemd/system", "/etc/stockade"})
        for name, path in hosts.items():
            self.assertEqual(mounts[name], f"/node{path}")

    def test_the_image_has_the_programs_that_the_scripts_call(self):
        image = rendered.ROOT / "hack/package.d/image"
        if not image.exists():
            self.skipTest("this checkout makes no image")
        packages = image.read_text()
        # Debian's essential packages have the others.
        for package in ("curl", "jq"):
            self.assertRegex(packages, rf"--include=\S*\b{package}\b")
        for folder in ("config/kubernetes/node", "config/systemd", "/usr/lib/stockade"):
            self.assertIn(folder, packages)

    def test_readiness_is_what_stockade_status_says(self):
        pod = rendered.of_kind("DaemonSet", "stockade")["spec"]["template"]["spec"]
        (install,) = (each for each in pod["containers"] if each["name"] == "install")
        command = install["readinessProbe"]["exec"]["command"]
        self.assertEqual(command[-2:], ["/usr/local/sbin/stockade", "status"])
        self.assertTrue(pod["hostPID"])
        self.assertNotIn("lifecycle", install)

    def test_only_the_container_that_speaks_with_the_api_server_has_the_token(self):
        pod = rendered.of_kind("DaemonSet", "stockade")["spec"]["template"]["spec"]
        self.assertFalse(pod["automountServiceAccountToken"])
        with_token = [container["name"] for container in pod["containers"]
                      if "token" in {mount["name"] for mount in container["volumeMounts"]}]
        self.assertEqual(with_token, ["taint"])
        (taint,) = (each for each in pod["containers"] if each["name"] == "taint")
        self.assertNotIn("privileged", taint["securityContext"])
        self.assertEqual(taint["securityContext"]["capabilities"], {"drop": ["ALL"]})
        rules = rendered.of_kind("ClusterRole", "stockade-taint")["rules"]
        self.assertEqual(rules, [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "patch"]}])
