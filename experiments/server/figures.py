"""What loads cost, a row each in a file of CSV, and the table of them on the page beside it."""

from __future__ import annotations

import csv
from dataclasses import asdict, fields
from pathlib import Path

from experiments.benchmarks.table import circumstances, markdown, replace_section
from experiments.server.load import Cost

NAMES = {
    "store": "store",
    "workers": "workers",
    "runs": "runs",
    "classes": "classes",
    "wall": "seconds",
    "slowest": "slowest run, s",
    "client": "CPU s a run: worker",
    "server": "MLflow's server",
    "database": "PostgreSQL",
    "bytes": "database, kB a run",
}
FORMATS = {"wall": ".0f", "slowest": ".1f", "client": ".3f", "server": ".3f", "database": ".3f", "bytes": ".0f"}
SECTION = "load"


def add(file: Path, store: str, classes: int, cost: Cost, command: str) -> None:
    """Add a row for a load, in the place of an earlier one of the same size, and write the table anew."""
    row = {"store": store, "classes": str(classes), **{key: _text(value) for key, value in asdict(cost).items()}}
    size = ("store", "classes", "workers", "runs")
    kept = [one for one in _rows(file) if any(one[key] != row[key] for key in size)]
    rows = sorted([*kept, row], key=lambda one: (int(one["classes"]), one["store"]))
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, ["store", "classes", *(field.name for field in fields(Cost))])
        writer.writeheader()
        writer.writerows(rows)
    page = file.parent / "README.md"
    table = markdown(list(NAMES.values()), [[_shown(key, one[key]) for key in NAMES] for one in rows])
    replace_section(page, SECTION, f"{table}\n\nLast {circumstances(command)}")


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _shown(key: str, text: str) -> str:
    if key not in FORMATS or not text:
        return text or "-"
    return f"{float(text) / (1000 if key == 'bytes' else 1):{FORMATS[key]}}"
