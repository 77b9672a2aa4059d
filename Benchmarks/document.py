#!/usr/bin/python3
"""
Writes the tables of docs/benchmarks.md, and draws its pictures, from the table that hack/bench has saved.

    document.py TABLE DOCUMENT
"""

import pathlib
import re
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

sys.dont_write_bytecode = True
import table  # noqa: E402

ACTS = ("open-30/6", "open-250/50", "mmap-code", "socket", "fork", "exec-static", "exec-dynamic", "connect", "sendto",
        "packet")  # fmt: skip
CALLS = ("RunPodSandbox", "CreateContainer", "StartContainer", "StopContainer", "RemoveContainer", "StopPodSandbox",
         "RemovePodSandbox")  # fmt: skip
# What a bar of the first picture is, and its colour.
TASKS = {
    "an empty program": "#d9d9d9", "storage, path, look-up": "#969696", "host": "#9ecae1", "unconfined": "#4292c6",
    "confined, 1 rule, no files": "#fdae6b", "confined, 1 rule": "#e6550d", "confined, 4096 rules": "#7f2704",
}  # fmt: skip
NAMES = {
    "an empty program": "floor: an empty program at each hook",
    "storage, path, look-up": "floor: task storage, one path, one look-up",
    "host": "a task of the node", "unconfined": "a container without a profile",
    "confined, 1 rule, no files": "confined, without rules for files",
    "confined, 1 rule": "confined, 1 rule of each kind",
    "confined, 4096 rules": "confined, 4,096 rules of each kind",
}  # fmt: skip

# What each of these may cost at most, in the unit of its row; of a ratio, the ratio.
ACT_AIMS = (
    ("open-30/6", "confined, 1 rule", 4000), ("open-250/50", "confined, 1 rule", 15000),
    ("open-30/6", "confined, 1 rule, no files", 700), ("open-30/6", "unconfined", 450), ("open-30/6", "host", 400),
    ("mmap-code", "confined, 1 rule", 2000), ("mmap-code", "host", 300), ("exec-static", "confined, 1 rule", 9000),
    ("exec-dynamic", "confined, 1 rule", 15000), ("fork", "confined, 1 rule", 1500), ("socket", "host", 200),
)  # fmt: skip
OWN_AIMS = (
    ("start to registered", "", 120, False), ("resident memory", "0 containers", 13, False),
    ("memory of maps", "0 containers", 4, False), ("processor while idle", "500 containers", 0.05, False),
    ("StartContainer", "500 gates, 4096 rules", 250, False), ("CreateContainer", "500 gates, 4096 rules", 1.2, True),
    ("StopPodSandbox", "500 gates, 1 rules", 2, True), ("RemovePodSandbox", "500 gates, 1 rules", 2, True),
    ("a container of runc", "RuntimeDefault beside the own", 1, True),
    ("a further container of `try`", "beside runc alone", 1.1, True),
)  # fmt: skip


def select(rows, **wanted):
    return [row for row in rows if all(getattr(row, key) == value for key, value in wanted.items())]


def draw_acts(rows, part, picture):
    figure, axes = plt.subplots(figsize=(11, 7.5))
    height = 0.85 / len(TASKS)
    for number, (task, colour) in enumerate(TASKS.items()):
        values = []
        for act in ACTS:
            found = select(rows, part=part, what=act, condition=task)
            values.append(max(0, found[0].found - found[0].without) if found else 0)
        places = [index + number * height for index in range(len(ACTS))]
        axes.barh(places, values, height * 0.95, color=colour, label=NAMES[task])
        for place, value in zip(places, values):
            axes.text(value, place, f" {value:,}", va="center", fontsize=6)
    axes.set_yticks([index + 0.4 for index in range(len(ACTS))], ACTS)
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=100)
    axes.set_xlabel("instructions more than without Stockade, logarithmic")
    axes.set_title(f"What one act costs more: Linux {part}. Shorter bars are better")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.45, -0.08), ncols=3)
    save(figure, picture)


def draw_calls(rows, picture):
    figure, axes = plt.subplots(figsize=(11, 5))
    bars = {}
    for gates, colour in ((0, "#9ecae1"), (500, "#08519c")):
        condition = f"{gates} gates, 1 rules"
        bars[f"Stockade, {gates} containers run"] = (colour, [select(rows, what=call, condition=condition)[0].found
                                                              for call in CALLS])  # fmt: skip
    bars["a plugin that does nothing"] = (
        "#bdbdbd", [select(rows, what=call, condition="500 gates, 1 rules")[0].without for call in CALLS])
    for number, (name, (colour, values)) in enumerate(bars.items()):
        places = [index + number * 0.28 for index in range(len(CALLS))]
        axes.bar(places, values, 0.26, color=colour, label=name)
        for place, value in zip(places, values):
            axes.text(place, value, f"{value:.0f}", ha="center", va="bottom", fontsize=7)
    axes.set_xticks([index + 0.28 for index in range(len(CALLS))], CALLS, fontsize=8)
    axes.set_ylabel("microseconds until the answer")
    axes.set_title("How long the runtime waits for one call. Shorter bars are better")
    axes.legend()
    save(figure, picture)


def draw_growth(rows, picture):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    counts = [1, 1000, 4096]
    for call, colour in (("CreateContainer", "#4292c6"), ("StartContainer", "#e6550d")):
        values = [select(rows, what=call, condition=f"500 gates, {count} rules")[0].found for count in counts]
        left.plot(counts, values, marker="o", color=colour, label=call)
    left.set_xlabel("rules in the profile")
    left.set_ylabel("microseconds until the answer")
    left.set_title("Calls, by the number of rules (500 containers run)", fontsize=10)
    found = sorted((int(row.condition.split()[0]), row.found) for row in select(rows, what="Synchronize"))
    right.plot(*zip(*found), marker="o", color="#08519c", label="Synchronize")
    right.axhline(2000, color="#cb181d", linestyle="--", label="the runtime gives up")
    right.set_xlabel("containers that run when Stockade connects")
    right.set_ylabel("milliseconds until the answer")
    right.set_title("Synchronize, by the number of containers", fontsize=10)
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        axes.grid(linewidth=0.3)
        axes.legend(fontsize=8)
    save(figure, picture)


def save(figure, picture):
    figure.tight_layout()
    figure.savefig(picture, dpi=100, metadata={"Software": None})
    plt.close(figure)


def markdown(heads, lines):
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *lines)])


def kernel_table(rows, part):
    rows = select(rows, part=part)
    tasks, acts = (list(dict.fromkeys(getattr(row, key) for row in rows)) for key in ("condition", "what"))
    tasks.remove("stockade")
    acts.remove("registered")
    lines = []
    for act in acts:
        cells = [act]
        for task in tasks:
            row = select(rows, what=act, condition=task)[0]
            cells.append(f"{row.found - row.without:+,} ({row.ratio:.3f})")
        lines.append(cells)
    start = select(rows, what="registered")[0].found
    return (f"\n### Linux {part}\n\n" + markdown(["act", *tasks], lines)
            + f"\n\nUntil it registers, Stockade's process and the kernel for it run {start / 1e9:.2f} thousand million"
            " instructions.\n")  # fmt: skip


def aims_table(rows, part):
    """What is aimed at, and what is."""
    lines = []
    for what, condition, aim in ACT_AIMS:
        row = select(rows, part=part, what=what, condition=condition)[0]
        lines.append((what, condition, "instructions", aim, row.found - row.without))
    for what, condition, aim, is_ratio in OWN_AIMS:
        row = select(rows, part="this machine", what=what, condition=condition)[0]
        lines.append((what, condition, "ratio" if is_ratio else row.unit, aim, row.ratio if is_ratio else row.found))
    cells = [[what, condition, unit, f"{aim:,}", table.number(found), "met" if found <= aim else "missed"]
             for what, condition, unit, aim, found in lines]  # fmt: skip
    return ("\n### Aims\n\nThe first rows are of tier lsm. [Why some are missed](#why-some-aims-are-missed).\n\n"
            + markdown(["what", "condition", "unit", "at most", "measured", ""], cells) + "\n")  # fmt: skip


def programs_table(rows):
    rows = select(rows, part=table.PROGRAMS)
    tasks = ("unconfined", "confined, 1 rule, no files", "confined, 1 rule")
    lines = []
    for what in dict.fromkeys(row.what for row in rows):
        found = [select(rows, what=what, condition=task) for task in tasks]
        if any(found):
            runs = next(each[0].unit for each in found if each).split()[-1]
            lines.append([*what.split(": "), runs, *(f"{each[0].found:,}" if each else "-" for each in found)])
    return ("\n### Which programs take them\n\nAt tier lsm, for one act: the instructions of all runs of a program.\n\n"
            + markdown(["act", "program", "runs", *tasks], lines) + "\n")  # fmt: skip


def is_of_part(row):
    return row.part == "this machine" and ": " in row.what


def parts_table(rows):
    """What perf has found; nothing where there was no perf."""
    found = [row for row in rows if is_of_part(row)]
    if not found:
        return ""
    calls = dict.fromkeys(row.what.split(": ")[0] for row in found)
    lines = []
    for call in calls:
        whole = one(rows, call, found[0].condition)
        parts = [row for row in found if row.what.startswith(f"{call}: ")]
        lines += [[call, row.what.split(": ")[1], table.number(row.found)] for row in parts]
        lines.append([call, "the whole call, as the runtime sees it", table.number(whole.found)])
        lines.append([call, "the same call of the plugin that does nothing", table.number(whole.without)])
    return (f"\n### What the parts of a call take\n\nMicroseconds, with {found[0].condition}.\n\n"
            + markdown(["call", "part", "us"], lines) + "\n")  # fmt: skip


def native_table(rows):
    lines = [row.cells()[1:6] + row.cells()[7:] for row in select(rows, part="this machine") if not is_of_part(row)]
    return "\n### On the machine itself\n\n" + markdown(
        ["what", "condition", "unit", "beside", "measured", "ratio"], lines) + "\n"


def one(rows, what, condition):
    return select(rows, what=what, condition=condition)[0]


def between(points, x):
    """On the line between the two points that x lies between."""
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    raise ValueError(x)


def scale_table(rows):
    """Reckoned from what was measured."""
    sync = sorted((int(row.condition.split()[0]), row.found) for row in select(rows, what="Synchronize"))
    lines = []
    for pods in (110, 250, 500, 1000):
        cells = [str(pods)]
        for what in ("resident memory", "memory of maps"):
            empty, more = one(rows, what, "0 containers").found, one(rows, what, "a container").found
            cells.append(f"{empty + more * pods / 1000:.1f}")
        lines.append([*cells, f"{between(sync, pods):.0f}"])
    text = markdown(["pods", "resident, MB", "maps, MB", "Synchronize, ms"], lines)
    calls = ("RunPodSandbox", "CreateContainer", "StartContainer")
    storm = sum(one(rows, call, "500 gates, 1 rules").found for call in calls) / 1e4
    noop = sum(one(rows, call, "500 gates, 1 rules").without for call in calls) / 1e4
    more = (one(rows, "StartContainer", "500 gates, 1 rule for addresses").found
            - one(rows, "StartContainer", "500 gates, 1 rules").found) / 1e4  # fmt: skip
    return (f"\n### A node with many pods\n\nReckoned from the rows below, with one container a pod.\n\n{text}\n\n"
            f"100 pods that start at once, beside 500 that run: the runtime waits {storm:.2f} s for all calls.\n"
            f"With rules for addresses it waits {storm + more:.2f} s. For the plugin that does nothing it waits\n"
            f"{noop:.4f} s.\n")  # fmt: skip


def main():
    about, rows = table.load(pathlib.Path(sys.argv[1]))
    document = pathlib.Path(sys.argv[2])
    parts = [part for part in dict.fromkeys(row.part for row in rows) if part not in ("this machine", table.PROGRAMS)]
    draw_acts(rows, parts[0], document.parent / "benchmarks-acts.png")
    draw_calls(rows, document.parent / "benchmarks-calls.png")
    draw_growth(rows, document.parent / "benchmarks-growth.png")
    text = "\n".join(f"- {line}" for line in about) + "\n"
    text += aims_table(rows, parts[0]) + scale_table(rows) + "".join(kernel_table(rows, part) for part in parts)
    text += programs_table(rows) + parts_table(rows) + native_table(rows)
    begin, end = "<!-- hack/document-benchmarks writes from here -->\n", "<!-- to here -->"
    old = document.read_text(encoding="utf-8")
    assert begin in old and end in old, f"{document} has no place for the tables"
    new = re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", old, flags=re.DOTALL)
    document.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
