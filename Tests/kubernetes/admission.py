"""An API server's ValidatingAdmissionPolicies: which requests a policy is about, and what it says of them.

The expressions are evaluated by cel-python. What Kubernetes adds to CEL is here, as far as the policies use it.
"""

import celpy
from celpy import celtypes

# Of what an expression may cost, Kubernetes lets one ask for rights twice.
CHECKS_MAX = 2


class Authorizer:
    """Who has which rights: (user or group, verb, resource and group, namespace or "*")."""

    def __init__(self, rights=()):
        self.rights = set(rights)
        self.checks = 0

    def functions(self, user: dict) -> dict:
        subjects = {user["username"], *user.get("groups", [])}

        def step(key):
            return lambda chain, value: celtypes.MapType({**chain, celtypes.StringType(key): value})

        def check(chain, verb):
            self.checks += 1
            wanted = {str(key): str(value) for key, value in chain.items()}
            resource = f"{wanted['resource']}.{wanted['group']}"
            answer = "system:masters" in subjects or any(
                (subject, str(verb), resource, place) in self.rights
                for subject in subjects for place in (wanted["namespace"], "*"))
            return celtypes.BoolType(answer)

        return {"group": step("group"), "resource": step("resource"), "namespace": step("namespace"),
                "check": check, "allowed": lambda answer: answer}


def join(texts, separator):
    return celtypes.StringType(str(separator).join(str(text) for text in texts))


class Policy:
    """A policy and its binding, as rendered."""

    def __init__(self, policy: dict, binding: dict):
        self.spec, self.binding = policy["spec"], binding["spec"]
        self.environment = celpy.Environment()

    def is_about(self, request: dict, namespace: dict | None) -> bool:
        """Whether the constraints match. The labels are those of the namespace of the request."""
        resource = request["resource"]["resource"]
        if request.get("subResource"):
            resource += "/" + request["subResource"]
        wildcard = resource.split("/")[0] + "/*"
        rules = self.spec["matchConstraints"]["resourceRules"]
        if not any(request["resource"]["group"] in rule["apiGroups"] and request["operation"] in rule["operations"]
                   and ({resource, wildcard} if "/" in resource else {resource}) & set(rule["resources"])
                   for rule in rules):
            return False
        labels = (namespace or {}).get("metadata", {}).get("labels", {})
        selector = self.binding.get("matchResources", {}).get("namespaceSelector", {})
        for wanted in selector.get("matchExpressions", []):
            assert wanted["operator"] == "Exists"
            if wanted["key"] not in labels:
                return False
        return True

    def refusal(self, request: dict, new, old=None, namespace: dict | None = None, rights=()) -> str | None:
        """Why the request is refused; None: it is allowed. An expression that fails refuses, as with `Fail`."""
        assert self.spec["failurePolicy"] == "Fail" and self.binding["validationActions"] == ["Deny"]
        if not self.is_about(request, namespace):
            return None
        authorizer = Authorizer(rights)
        known = {"request": request, "object": new, "oldObject": old, "namespaceObject": namespace, "authorizer": {}}
        known = {name: celpy.json_to_cel(value) for name, value in known.items()}
        functions = {**authorizer.functions(request["userInfo"]), "join": join}

        def evaluate(expression):
            return self.environment.program(self.environment.compile(expression), functions).evaluate(known)

        failures = {}
        try:
            if not all(evaluate(condition["expression"]) for condition in self.spec.get("matchConditions", [])):
                return None
            variables = celtypes.MapType()
            known["variables"] = variables
            for variable in self.spec.get("variables", []):
                try:
                    variables[celtypes.StringType(variable["name"])] = evaluate(variable["expression"])
                except celpy.CELEvalError as error:
                    failures[variable["name"]] = error  # It is missing where it is used, and fails there.
            for validation in self.spec["validations"]:
                if not bool(evaluate(validation["expression"])):
                    if "messageExpression" in validation:
                        return str(evaluate(validation["messageExpression"]))
                    return validation["message"]
        except celpy.CELEvalError as error:
            return f"failed: {error}; and so did {failures}"
        assert authorizer.checks <= CHECKS_MAX
        return None
