"""The picture of growth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def growth_picture(rows: Sequence[dict], classes: Sequence[dict], runs: Sequence[dict]) -> Figure:
    """Return a log-log figure: CPU time of each stage and memory over rows, time over classes and over runs."""
    figure = Figure(figsize=(15, 8), layout="constrained")
    axes = figure.subplots(2, 3)
    widest = max(row["features"] for row in rows)
    for ax, model in zip(axes[0, :2], ("logreg", "mlp"), strict=True):
        chosen = [row for row in rows if row["model"] == model and row["features"] == widest]
        stages(ax, chosen, "rows", f"{model}, {widest} features")
    for key, group in by(rows, "model", "features"):
        sizes = [row["rows"] for row in group]
        axes[0, 2].plot(sizes, [row["above_mb"] for row in group], "o-", label=f"{key[0]}, {key[1]} features")
    described(axes[0, 2], "rows", "MB above the imports", "memory")
    for ax, model in zip(axes[1, :2], ("logreg", "mlp"), strict=True):
        stages(ax, [row for row in classes if row["model"] == model], "classes", f"{model}, 20,000 rows")
    for key, group in by(runs, "model"):
        counts = [row["runs"] for row in group]
        (line,) = axes[1, 2].plot(counts, [row["seconds"] for row in group], "o-", label=f"{key[0]}, seconds")
        style = {"color": line.get_color(), "linestyle": ":", "marker": "s"}
        axes[1, 2].plot(counts, [row["peak MB"] for row in group], label=f"{key[0]}, peak MB", **style)
    described(axes[1, 2], "runs in a sweep", "", "sweeps")
    return figure


def by(rows: Iterable[dict], *keys: str) -> list[tuple[tuple, list[dict]]]:
    """Group rows by the values of `keys`."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.items())


def stages(ax: Axes, rows: Sequence[dict], over: str, title: str) -> None:
    """Draw the CPU seconds of each stage."""
    for name in rows[0]["stages"]:
        ax.plot([row[over] for row in rows], [max(row["stages"][name], 1e-3) for row in rows], "o-", label=name)
    described(ax, over, "CPU seconds", title)


def described(ax: Axes, x: str, y: str, title: str) -> None:
    """Put logarithmic axes, their names and a legend."""
    ax.set(xscale="log", yscale="log", xlabel=x, ylabel=y, title=title)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
