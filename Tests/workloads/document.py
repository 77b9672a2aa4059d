"""What docs/workloads.md says: its example profiles, its pod, and its table of what serves under which profile."""

import pathlib
import re

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SHIPPED = CHECKOUT / "config/profiles"
TEXT = (CHECKOUT / "docs/workloads.md").read_text(encoding="utf-8")
BETTER = ("baseline", "restricted", "web")
# What ships for a node of each tier. A node of tier signal refuses the others.
MADE_FOR = {"lsm": BETTER, "fmod_ret": BETTER, "signal": tuple(f"signal-{name}" for name in BETTER)}
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def examples() -> dict[str, str]:
    """The text of each example profile, by its name."""
    profiles = [block for block in BLOCKS if "kind: SecurityProfile" in block]
    return {re.search(r"^metadata: \{name: (\S+)\}", text, re.MULTILINE)[1]: text for text in profiles}


def for_better_tier(text: str) -> str:
    """An example as the document says that it is written for tier lsm."""
    return re.sub(r"^(  extends: \[.*)\bsignal-", r"\1", text, flags=re.MULTILINE)


def pod_annotations(example: str) -> dict[str, str]:
    """The annotations of Stockade's in the document's pod, with that example as it is for its tier."""
    pod = next(block for block in BLOCKS if "kind: Pod" in block)
    if example.startswith("lsm-"):
        pod = pod.replace(example.removeprefix("lsm-"), example).replace("signal-", "")
    return dict(re.findall(r"^ +(profile\.stockade\.dev\S*): (\S+)$", pod, re.MULTILINE))


def serves() -> dict[str, dict[str, bool]]:
    """For each workload and each profile that ships, whether the workload does its work there."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TEXT.splitlines()
        if line.startswith("|") and (line.startswith("| workload |") or re.search(r"\| (yes|no) \|$", line))
    ]
    names = [cell.strip("`") for cell in rows[0][1:]]
    return {row[0]: {name: cell == "yes" for name, cell in zip(names, row[1:], strict=True)} for row in rows[1:]}


def all_profiles() -> dict[str, str]:
    """What ships, the examples, and each example for tier lsm as lsm-NAME."""
    profiles = {file.stem: file.read_text(encoding="utf-8") for file in SHIPPED.glob("*.yaml")}
    for name, text in examples().items():
        profiles[name] = text
        profiles[f"lsm-{name}"] = for_better_tier(text).replace(f"name: {name}}}", f"name: lsm-{name}}}")
    return profiles


def write_profiles(folder: pathlib.Path, names: list[str]) -> None:
    """These profiles, and what they extend: the more a plugin has to read, the longer it takes to start."""
    profiles = all_profiles()
    for name in names:
        (folder / f"{name}.yaml").write_text(profiles[name], encoding="utf-8")
        extends = re.search(r"^  extends: \[(.*)\]$", profiles[name], re.MULTILINE)
        write_profiles(folder, extends[1].split(", ") if extends else [])
