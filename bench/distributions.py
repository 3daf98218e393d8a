"""Distributions of times: percentiles, a histogram as text, a plot as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

STEPS = 120  # points of a curve: enough for the eye, and the file stays small
WIDTH = 48  # characters of the longest bar
BINS = (5, 10, 20, 30, 50, 75, 100, 150, 250, 500, 1000, 2000, 3000, 4000, 5000, 10_000)  # upper ends, ms

Times = dict[str, list[float]]  # process -> milliseconds, one for each revocation


def percentile(values: Sequence[float], p: float) -> float:
    """Return the smallest value that at least `p` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -int(-len(ordered) * p // 100) - 1))]


def flat(times: Times) -> list[float]:
    """Return all times of all processes."""
    return [each for seen in times.values() for each in seen]


def by_service(times: Times) -> Times:
    """Return the times by service, joined over its processes."""
    joined: Times = {}
    for name, seen in times.items():
        joined.setdefault(name.rpartition(" ")[0], []).extend(seen)
    return joined


def histogram(milliseconds: Sequence[float]) -> str:
    """Return a bar of text for each range of times, from the first to the last that occurred."""
    counts = [0] * (len(BINS) + 1)
    for value in milliseconds:
        counts[sum(value > end for end in BINS)] += 1
    seen = [number for number, count in enumerate(counts) if count]
    names = [f"<= {end} ms" for end in BINS] + ["more"]
    return "\n".join(
        f"  {names[at]:>11}  {counts[at]:>5}  {'#' * -(-counts[at] * WIDTH // max(counts))}"
        for at in range(seen[0], seen[-1] + 1)
    )


def plot(
    file: Path, title: str, series: Mapping[str, Sequence[float]], *, bounds: Mapping[str, float]
) -> None:
    """Write a plot: the share of revocations known after a number of milliseconds, one curve for each series.

    `bounds` are the promises, drawn as vertical lines. The same figures make the same file, without date, name or path.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "touchstone", "font.size": 9})
    figure, axes = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
    for name, values in series.items():
        shares = [(step + 1) / STEPS for step in range(STEPS)]
        axes.step([percentile(values, 100 * share) for share in shares], shares, where="post", label=name)
    for name, bound in bounds.items():
        axes.axvline(bound, color="0.6", linestyle="--", linewidth=1)
        axes.text(bound, 0.02, f"{name} ", ha="right", rotation=90, color="0.4", fontsize=8)
    axes.set(title=title, xlabel="milliseconds after the acknowledgement", ylabel="share refused")
    axes.set_xlim(0, 1.08 * max([*bounds.values(), *(max(values) for values in series.values())]))
    axes.set_ylim(0, 1.02)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="center right", frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    plt.close(figure)
