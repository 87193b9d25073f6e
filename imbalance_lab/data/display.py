"""How a dataset draws itself in a notebook."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imbalance_lab.data.dataset import Dataset

MAX_CLASSES_SHOWN, MAX_CLASSES_NAMED = 20, 6
MIN_BAR, MAX_BAR = 1.0, 160.0  # pixels


def dataset_html(dataset: Dataset) -> str:
    """Return name, rows, kinds of columns and a bar for each class; text takes the page's colour, light or dark."""
    rare = sorted(range(len(dataset.class_names)), key=lambda k: (-dataset.counts[k], k))
    rows = "".join(_class_row(dataset, k) for k in rare[:MAX_CLASSES_SHOWN])
    more = len(rare) - MAX_CLASSES_SHOWN
    rest = f"<div>and {more} smaller classes</div>" if more > 0 else ""
    return (
        '<div style="color:inherit;font-family:system-ui,sans-serif;font-size:13px">'
        f"<div><b>{escape(dataset.name)}</b>: {len(dataset):,} rows, {_columns(dataset)}, "
        f"imbalance ratio {dataset.imbalance_ratio:.1f}</div>"
        f'<table style="border-collapse:collapse;margin-top:4px">{rows}</table>{rest}</div>'
    )


def dataset_line(dataset: Dataset) -> str:
    """Return name, rows, kinds of columns and the sizes of the classes, the largest first, in one line."""
    order = sorted(range(len(dataset.class_names)), key=lambda k: (-dataset.counts[k], k))
    sizes = [f"{dataset.class_names[k]} {dataset.counts[k]:,}" for k in order[:MAX_CLASSES_NAMED]]
    more = len(order) - MAX_CLASSES_NAMED
    rest = [f"and {more} smaller classes"] if more > 0 else []
    return f"{dataset.name}: {len(dataset):,} rows, {_columns(dataset)}, {', '.join([*sizes, *rest])}"


def _class_row(dataset: Dataset, k: int) -> str:
    count = int(dataset.counts[k])
    width = max(MAX_BAR * count / int(dataset.counts.max()), MIN_BAR)
    cell = 'style="padding:1px 8px 1px 0;text-align:{};background:none"'
    bar = f'<div style="width:{width:.1f}px;height:10px;border-radius:2px;background:#5b8def"></div>'
    return (
        f"<tr><td {cell.format('left')}>{escape(dataset.class_names[k])}</td>"
        f"<td {cell.format('right')}>{count:,}</td>"
        f"<td {cell.format('right')}>{count / len(dataset):.1%}</td>"
        f"<td {cell.format('left')}>{bar}</td></tr>"
    )


def _columns(dataset: Dataset) -> str:
    if not dataset.kinds:
        return "each of shape " + " x ".join(map(str, dataset.X.shape[1:]))
    kinds = Counter(dataset.kinds.values())
    columns = [f"{count} {kind}" for kind, count in sorted(kinds.items(), reverse=True)]
    listed = " and ".join(part for part in (", ".join(columns[:-1]), columns[-1]) if part)
    return f"{listed} column{'s' if len(dataset.kinds) > 1 else ''}"
