"""The table: a line for each row, on the screen and in a file of tabs, from which docs/benchmarks.md is made."""

import dataclasses

COLUMNS = ("part", "what", "condition", "unit", "beside", "measured", "more", "ratio")
# The part of the rows that say what the programs of an act take. Their unit says in how many runs.
PROGRAMS = "programs"
WIDTHS = (22, 36, 40, 13, 14, 14, 12, 8)


@dataclasses.dataclass
class Row:
    part: str
    what: str
    condition: str
    unit: str
    without: float | None  # what it is compared with; None: nothing
    found: float

    @property
    def ratio(self):
        return self.found / self.without if self.without else None

    def cells(self):
        has = self.without is not None
        more = number(self.found - self.without) if has else "-"
        ratio = f"{self.ratio:.3f}" if self.ratio is not None else "-"
        return (self.part, self.what, self.condition, self.unit, number(self.without) if has else "-",
                number(self.found), more, ratio)  # fmt: skip


def number(value):
    """Whole instructions; of everything else three digits that mean something."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def line(cells):
    left, right = cells[:4], cells[4:]
    text = "".join(f"{cell:{width}}" for cell, width in zip(left, WIDTHS))
    return text + "".join(f"{cell:>{width}}" for cell, width in zip(right, WIDTHS[4:]))


def save(rows, about, file):
    """`about`: lines about the machine and the run."""
    lines = [f"# {text}" for text in about] + ["\t".join(COLUMNS[:6])]
    for row in rows:
        without = "-" if row.without is None else repr(row.without)
        lines.append("\t".join((row.part, row.what, row.condition, row.unit, without, repr(row.found))))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load(file):
    """The lines about the run, and the rows."""
    lines = file.read_text(encoding="utf-8").splitlines()
    about = [text[2:] for text in lines if text.startswith("# ")]
    rows = []
    for text in lines[len(about) + 1 :]:
        *words, without, found = text.split("\t")
        rows.append(Row(*words, None if without == "-" else as_number(without), as_number(found)))
    return about, rows


def as_number(text):
    return float(text) if "." in text or "e" in text else int(text)
