"""
Benchmarks/instructions.tsv: for each boot, task and act, how many instructions Stockade adds. A run compares itself
with the file, and fails if something costs more. `hack/bench --record` writes it anew; git then shows what changed.
"""

from messages import CHECKOUT

FILE = CHECKOUT / "Benchmarks/instructions.tsv"
HEAD = """# What Stockade adds to the instructions of an act. hack/bench --record writes it, --check reads it.
# boot\ttask\tact\twithout\tmore
"""
# By how much runs of the same binary differed, rounded up: docs/benchmarks.md. What sleeps and is woken differs most.
NOISE = {
    "fork": 1500, "thread": 4000, "exec-static": 3000, "exec-arguments": 3000, "exec-dynamic": 7000, "mmap-code": 1200,
    "accept": 200,
}  # fmt: skip
OTHER_NOISE = 50
OF_MORE = 0.02
OF_START = 0.05


def allowed(act, more):
    """How many instructions more than recorded are still no change."""
    return OF_START * more if act == "registered" else OF_MORE * abs(more) + NOISE.get(act, OTHER_NOISE)


def write(rows):
    """`rows`: by boot, task and act, what it costs without a Stockade (None: nothing to compare with) and beside it."""
    lines = []
    for key, (without, found) in rows.items():
        lines.append("\t".join((*key, str(without or "-"), str(found - (without or 0)))))
    FILE.write_text(HEAD + "\n".join(lines) + "\n", encoding="ascii")


def read():
    found = {}
    for line in FILE.read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            *key, _, more = line.split("\t")
            found[tuple(key)] = int(more)
    return found


def compare(rows):
    """A line for each row that is not as recorded, and how many of them cost more."""
    recorded, lines, worse = read(), [], 0
    for key, (without, found) in rows.items():
        name, more = ", ".join(key), found - (without or 0)
        if key not in recorded:
            lines.append(f"FAILED: {name}: {FILE.name} has no number for it; record it with hack/bench --record")
            worse += 1
            continue
        was = recorded[key]
        limit = allowed(key[2], was)
        if more > was + limit:
            lines.append(f"FAILED: {name}: {more:+,} instructions; recorded are {was:+,}, and {was + limit:+,.0f} pass")
            worse += 1
        elif more < was - limit:
            lines.append(f"less: {name}: {more:+,} instructions; recorded are {was:+,}")
    return lines, worse
