"""What kustomize makes of config/kubernetes."""

import functools
import os
import pathlib
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "config/kubernetes"


def kustomize(folder: pathlib.Path) -> str:
    return subprocess.run([os.environ["KUSTOMIZE"], "build", folder], check=True, capture_output=True, text=True).stdout


def documents(text: str) -> list[dict]:
    return [document for document in yaml.safe_load_all(text) if document]


@functools.cache
def everything() -> list[dict]:
    """The base with all that is optional, as docs/kubernetes.md puts it together."""
    with tempfile.TemporaryDirectory() as folder:
        base = os.path.relpath(FOLDER, os.path.realpath(folder))
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": [base, f"{base}/policies"], "components": [f"{base}/taint"],
            "images": [{"name": "stockade", "newName": "registry.example/stockade", "newTag": "0.2.0"}],
        }
        pathlib.Path(folder, "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return documents(kustomize(pathlib.Path(folder)))


def of_kind(kind: str, name: str, found: list[dict] | None = None) -> dict:
    (document,) = (each for each in (everything() if found is None else found)
                   if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return document
