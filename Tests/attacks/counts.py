"""Tables of numbers: how many of those that raced came through, and how often the kernel skipped a BPF program."""

import table


def print_table(rows):
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def print_races(results):
    """Of the races that nobody is to win, and of their twins, which all are to."""
    cells = {}
    for boot, records in results.items():
        for record in records:
            if "tried" in record and record["kind"] != "open":
                name = record["attack"] if record["kind"] == "attack" else f"  twin of {record['attack']}"
                cells.setdefault(name, {})[boot] = f"{record['through']} of {record['tried']}"
    if cells:
        print("\nraces: how many came through")
        print_table([["race", *results], *([name, *(row.get(boot, "-") for boot in results)]
                                           for name, row in cells.items())])  # fmt: skip


def print_skipped(results):
    """During the races, of the programs that were skipped on some boot: how often, and of how many runs."""
    totals = {}
    for boot, records in results.items():
        for record in records:
            if record.get("stage") in table.RACE_STAGES:
                for program in record.get("programs", ()):
                    cell = totals.setdefault(f"{program['program']} ({program['type']})", {}).setdefault(boot, [0, 0])
                    cell[0] += program["misses"]
                    cell[1] += program["runs"] or 0
    skipped = {name: row for name, row in totals.items() if any(misses for misses, _ in row.values())}
    if totals:
        print(f"\nBPF programs that the kernel skipped during the races: {len(skipped) or 'none'}")
    if skipped:
        print_table([["program", *results], *([name, *(skip_cell(row.get(boot)) for boot in results)]
                                              for name, row in sorted(skipped.items()))])  # fmt: skip


def skip_cell(cell):
    """Natively runs are not counted."""
    if cell is None:
        return "-"
    misses, runs = cell
    return f"{misses} of {misses + runs}" if runs else str(misses)
