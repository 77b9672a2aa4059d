"""Draws what was counted while containers came and went."""

import pathlib

import matplotlib
import samples

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

PARTS = ((samples.PRIVATE, "private memory, KiB", "#08519c"), ("descriptors", "descriptors", "#e6550d"),
         ("rows of maps", "rows of maps", "#31a354"))


def draw(curve, file: pathlib.Path) -> None:
    """One below the other, over the containers."""
    figure, parts = plt.subplots(len(PARTS), sharex=True, figsize=(11, 7.5))
    for axes, (name, label, colour) in zip(parts, PARTS):
        for index, started in enumerate(curve.launches):
            axes.axvline(started, color="#d9d9d9", linewidth=0.8, label="" if index else "Stockade was started anew")
        axes.plot(*zip(*curve.of(name)), marker="o", markersize=3, color=colour)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(linewidth=0.3)
    parts[0].set_title("What Stockade holds while containers come and go")
    parts[0].legend(fontsize=8, loc="lower right")
    parts[-1].set_xlabel("containers that were started. None is left at the first and at the last point")
    figure.tight_layout()
    figure.savefig(file, dpi=100, metadata={"Software": None})
    plt.close(figure)
