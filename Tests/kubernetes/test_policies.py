"""What the admission policies say of requests, of usual ones and of an attacker's."""

import copy
import unittest

import admission
import rendered

OWN = "system:serviceaccount:stockade-system:stockade"
NODE_NAME = "authentication.kubernetes.io/node-name"
TAINT = {"key": "stockade.dev/not-ready", "effect": "NoSchedule"}
OTHER_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}
PROFILE = "profile.stockade.dev"
RIGHT = ("use", "securityprofiles.stockade.dev")
EVE = {"username": "eve", "groups": ["system:authenticated"]}
TEAM = {"username": "ann", "groups": ["team-shop", "system:authenticated"]}
MASTER = {"username": "root", "groups": ["system:masters"]}
CONTROLLER = {"username": "system:serviceaccount:kube-system:replicaset-controller"}
KUBELET = {"username": "system:node:a", "groups": ["system:nodes"]}
RIGHTS = [("team-shop", *RIGHT, "shop"), (CONTROLLER["username"], *RIGHT, "*"), ("system:nodes", *RIGHT, "*")]


def policy(name: str) -> admission.Policy:
    return admission.Policy(*(rendered.of_kind(kind, name) for kind in
                              ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")))


def request(user, operation, resource, name="", namespace=None, group=""):
    resource, _, sub = resource.partition("/")
    return {"userInfo": user, "operation": operation, "name": name, "resource": {"group": group, "resource": resource},
            **({"namespace": namespace} if namespace else {}), **({"subResource": sub} if sub else {})}


def changed(original, **changes):
    """A copy with these values at paths such as spec__taints."""
    copied = copy.deepcopy(original)
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = copied
        for folder in folders:
            place = place.setdefault(folder, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return copied


class Cases(unittest.TestCase):
    """A table: what the request is, whether it is allowed or which word the refusal has."""

    name = None

    def run_cases(self, cases, rights=()):
        tested = policy(self.name)
        messages = set()
        for title, wanted, case in cases:
            with self.subTest(title):
                refusal = tested.refusal(*case[:2], *case[2:3], namespace=case[3] if len(case) > 3 else None,
                                         rights=rights)
                if wanted is None:
                    self.assertIsNone(refusal)
                else:
                    self.assertIn(wanted, refusal or "(allowed)")
            messages.add(wanted)
        # Each part of the policy refuses a request.
        for validation in tested.spec["validations"]:
            text = validation.get("message", validation.get("messageExpression"))
            self.assertTrue(any(message and message.split(" needs")[0][:-1] in text for message in messages), text)


class Taint(Cases):
    name = "stockade-taint"

    def test_the_pods_take_their_own_node_s_taint_away_and_do_nothing_else(self):
        node = {"metadata": {"name": "a", "labels": {"role": "web"}, "resourceVersion": "7"},
                "spec": {"taints": [TAINT, OTHER_TAINT], "podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"]}}
        clean = changed(node, spec__taints=[OTHER_TAINT], metadata__resourceVersion="8")
        pod = {"username": OWN, "extra": {NODE_NAME: ["a"]}}
        # By a `namePrefix`, as docs/fleet.md tells.
        canary = {"username": "system:serviceaccount:stockade-system:canary-stockade", "extra": {NODE_NAME: ["a"]}}

        def patch(new, old=node, user=pod, name="a"):
            return request(user, "UPDATE", "nodes", name), new, old

        only, last = changed(node, spec__taints=[TAINT]), changed(node, spec__taints=None)
        makes, other, taints = "they make, remove", "and no other", "change no other taint"
        labels, spec = "no labels, annotations", "nothing of a node's spec"
        self.run_cases([
            ("the taint goes", None, patch(clean)),
            ("the last taint goes", None, patch(last, only)),
            ("the last taint goes, and an empty list stays", None, patch(changed(node, spec__taints=[]), only)),
            ("nothing changes", None, patch(clean, clean)),
            ("an administrator does what they like", None, patch(changed(node, spec__unschedulable=True), user=MASTER)),
            ("the node's controller too", None, patch(changed(node, spec__taints=[]), user={
                "username": "system:serviceaccount:kube-system:node-controller"})),
            ("another node", other, patch(changed(clean, metadata__name="b"), changed(node, metadata__name="b"),
                                          name="b")),
            ("a token of no pod", other, patch(clean, user={"username": OWN, "extra": {}})),
            ("the taint goes, by a pod whose service account has a prefix", None, patch(clean, user=canary)),
            ("another node, by such a pod", other, patch(
                changed(clean, metadata__name="b"), changed(node, metadata__name="b"), canary, "b")),
            ("a token that says nothing more", other, patch(clean, user={"username": OWN})),
            ("a token with two nodes", other, patch(clean, user={"username": OWN, "extra": {NODE_NAME: ["a", "b"]}})),
            ("a token whose list of nodes is empty", other, patch(clean, user={
                "username": OWN, "extra": {NODE_NAME: []}})),
            ("another taint goes too", taints, patch(changed(node, spec__taints=[]))),
            ("another taint goes alone", taints, patch(changed(node, spec__taints=[TAINT]))),
            ("the taint is set", taints, patch(node, clean)),
            ("a taint is added", taints, patch(changed(clean, spec__taints=[OTHER_TAINT, {
                "key": "x", "effect": "NoExecute"}]))),
            ("a taint gets another effect", taints, patch(changed(clean, spec__taints=[
                {**OTHER_TAINT, "effect": "NoSchedule"}]))),
            ("a taint of nearly that name goes", taints, patch(
                changed(node, spec__taints=[]), changed(node, spec__taints=[{**TAINT, "key": TAINT["key"] + "x"}]))),
            ("a label changes", labels, patch(changed(clean, metadata__labels={"role": "control-plane"}))),
            ("all labels go", labels, patch(changed(clean, metadata__labels=None))),
            ("an annotation is added", labels, patch(changed(clean, metadata__annotations={"a": "b"}))),
            ("a finalizer is added", labels, patch(changed(clean, metadata__finalizers=["a/b"]))),
            ("an owner is added", labels, patch(changed(clean, metadata__ownerReferences=[{"uid": "x"}]))),
            ("the node is cordoned", spec, patch(changed(clean, spec__unschedulable=True))),
            ("the pods' network changes", spec, patch(changed(clean, spec__podCIDRs=["0.0.0.0/0"]))),
            ("the machine's name changes", spec, patch(changed(clean, spec__providerID="aws:///x"))),
            ("the kubelet's configuration changes", spec, patch(changed(clean, spec__configSource={"configMap": {}}))),
            ("the node is removed", makes, (request(pod, "DELETE", "nodes", "a"), None, node)),
            ("a node is made", makes, (request(pod, "CREATE", "nodes", "a"), clean, None)),
            ("the status changes", makes, (request(pod, "UPDATE", "nodes/status", "a"), clean, node)),
            ("the node is reached through", makes, (request(pod, "CREATE", "nodes/proxy", "a"), {}, None)),
        ])


class ProfileAnnotations(Cases):
    name = "stockade-profile-annotations"

    def test_annotations_are_for_those_who_have_the_right(self):
        plain = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a"}]}}
        marked = changed(plain, metadata__annotations={PROFILE + "/pod": "web", "other": "x"})
        template = {"metadata": {"name": "web"}, "spec": {"template": plain}}
        marked_template = {"metadata": {"name": "web"}, "spec": {"template": marked}}
        cron = {"metadata": {"name": "web"}, "spec": {"jobTemplate": {"spec": {"template": marked}}}}
        no = "you may not set"

        def create(user, new, resource="pods", group="", namespace="shop"):
            return request(user, "CREATE", resource, namespace=namespace, group=group), new

        def update(user, new, old, resource="pods", group=""):
            return request(user, "UPDATE", resource, namespace="shop", group=group), new, old

        self.run_cases([
            ("no annotation", None, create(EVE, plain)),
            ("annotations of others", None, create(EVE, changed(plain, metadata__annotations={"profile.other": "x"}))),
            ("somebody with the right", None, create(TEAM, marked)),
            ("a cluster administrator", None, create(MASTER, marked)),
            ("a controller, of a template that was looked at", None, create(CONTROLLER, marked)),
            ("the kubelet shows a static pod", None, create(KUBELET, marked, namespace="kube-system")),
            ("a label of a pod that has a profile", None, update(EVE, changed(
                marked, metadata__labels={"a": "b"}), marked)),
            ("a template stays as it is", None, update(EVE, marked_template, marked_template, "deployments", "apps")),
            ("a replication controller without a template", None, create(EVE, {"spec": {}}, "replicationcontrollers")),
            ("a command in a pod", None, create(EVE, {}, "pods/exec")),
            ("somebody without the right", no, create(EVE, marked)),
            ("the right of another namespace", no, create(TEAM, marked, namespace="bank")),
            ("the least specific annotation", no, create(EVE, changed(plain, metadata__annotations={PROFILE: "x"}))),
            ("an annotation for one container", no, create(EVE, changed(
                plain, metadata__annotations={PROFILE + "/container.a": "unconfined"}))),
            ("an annotation for no container", no, create(EVE, changed(
                plain, metadata__annotations={PROFILE + "/x": ""}))),
            ("it is added later", no, update(EVE, marked, plain)),
            ("it is changed", no, update(EVE, changed(marked, metadata__annotations={PROFILE + "/pod": "b"}), marked)),
            ("it is taken away", no, update(EVE, plain, marked)),
            ("it is taken away from one container", no, update(EVE, marked, changed(
                marked, metadata__annotations={PROFILE + "/pod": "web", PROFILE + "/container.a": "strict"}))),
            ("by the status", no, update(EVE, marked, plain, "pods/status")),
            ("by an ephemeral container", no, update(EVE, marked, plain, "pods/ephemeralcontainers")),
            ("by a resize", no, update(EVE, marked, plain, "pods/resize")),
            ("by the binding to a node", no, create(EVE, marked, "pods/binding")),
            ("by a binding of its own", no, create(EVE, marked, "bindings")),
            ("in a cron job", no, create(EVE, cron, "cronjobs", "batch")),
            ("in a pod template", no, create(EVE, {"template": marked}, "podtemplates")),
            ("in a replication controller", no, create(EVE, marked_template, "replicationcontrollers")),
            ("in a job", no, create(EVE, marked_template, "jobs", "batch")),
            *((f"in one of the {kind}", no, create(EVE, marked_template, kind, "apps"))
              for kind in ("deployments", "replicasets", "statefulsets", "daemonsets")),
            ("in a template that had none", no, update(EVE, marked_template, template, "deployments", "apps")),
            ("out of a template", no, update(EVE, template, marked_template, "deployments", "apps")),
            ("a controller that nobody has named", no, create({
                "username": "system:serviceaccount:kube-system:generic-controller"}, marked)),
            ("a service account that is called like a controller", no, create({
                "username": "system:serviceaccount:shop:replicaset-controller"}, marked)),
        ], RIGHTS)


class PodSecurity(Cases):
    name = "stockade-pod-security"

    def test_a_level_asks_for_profiles(self):
        def namespace(level):
            labels = {"pod-security.kubernetes.io/enforce": level} if level else {}
            return {"metadata": {"name": "shop", "labels": labels}}

        def pod(annotations, **more):
            return {"metadata": {"name": "web", "annotations": {PROFILE + key: value
                                                                for key, value in annotations.items()}},
                    "spec": {"containers": [{"name": "a"}, {"name": "b"}], **more}}

        restricted, baseline = namespace("restricted"), namespace("baseline")
        web, bare = pod({"/pod": "web"}), {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a"}]}}
        debugged = pod({"/container.a": "web", "/container.b": "web"}, ephemeralContainers=[{"name": "debug"}])

        def create(new, where):
            return request(EVE, "CREATE", "pods", namespace="shop"), new, None, where

        def update(new, old, where=restricted, resource="pods"):
            return request(EVE, "UPDATE", resource, namespace="shop"), new, old, where

        no = "so the container "
        self.run_cases([
            ("a profile of that level", None, create(web, restricted)),
            ("by the least specific annotation", None, create(pod({"": "web"}), restricted)),
            ("a stricter profile", None, create(pod({"/pod": "restricted"}), baseline)),
            ("a profile for each container", None, create(
                pod({"/container.a": "web", "/container.b": "restricted"}), restricted)),
            ("nothing is asked for", None, create(bare, namespace(None))),
            ("the level privileged", None, create(bare, namespace("privileged"))),
            ("an older pod gets a label", None, update(changed(bare, metadata__labels={"a": "b"}), bare)),
            ("an older pod loses a finalizer", None, update(bare, changed(bare, metadata__finalizers=["x"]))),
            ("an older pod gets its status", None, update(bare, bare, resource="pods/status")),
            ("an ephemeral container under the pod's profile", None, update(
                changed(web, spec__ephemeralContainers=[{"name": "debug"}]), web,
                resource="pods/ephemeralcontainers")),
            ("no annotation", no + "a needs", create(bare, restricted)),
            ("annotations, but none of these", no + "a needs", create(changed(
                bare, metadata__annotations={"x": "y"}), restricted)),
            ("a laxer profile", no + "a needs", create(pod({"/pod": "baseline"}), restricted)),
            ("unconfined", no + "a needs", create(pod({"/pod": "unconfined"}), baseline)),
            ("a profile that only audits", no + "a needs", create(pod({"/pod": "audit-all"}), baseline)),
            ("the more specific annotation is the laxer one", no + "b needs", create(
                pod({"/pod": "web", "/container.b": "unconfined"}), restricted)),
            ("the pod's annotation wins over the least specific", no + "a needs", create(
                pod({"": "web", "/pod": "unconfined"}), restricted)),
            ("one container has none", no + "b needs", create(pod({"/container.a": "web"}), restricted)),
            ("an annotation for another container", no + "a needs", create(
                pod({"/container.x": "web"}), restricted)),
            ("an init container has none", no + "init needs", create(
                pod({"/container.a": "web", "/container.b": "web"}, initContainers=[{"name": "init"}]), restricted)),
            ("an ephemeral container has none", no + "debug needs", update(
                debugged, changed(debugged, spec__ephemeralContainers=None), resource="pods/ephemeralcontainers")),
            ("a level that nobody knows", no + "a needs", create(pod({"/pod": "baseline"}), namespace("Baseline"))),
            ("the annotation is taken away later", no + "a needs", update(pod({}), web)),
            ("the annotation is made laxer by the status", no + "a needs", update(
                pod({"/pod": "unconfined"}), web, resource="pods/status")),
            ("one that chose nothing chooses unconfined", no + "a needs", update(changed(
                bare, metadata__annotations={PROFILE: "unconfined"}), bare)),
            ("an empty annotation", no + "a needs", create(pod({"/pod": ""}), restricted)),
        ])
