"""What many runs on many machines cost: ``python -m experiments.benchmarks.scale``, which writes ``scale.md``."""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from experiments.benchmarks.blocks import HERE, Block, Broken, records, run_block
from experiments.benchmarks.comparisons import LAB, PYTHON
from experiments.benchmarks.table import circumstances, markdown, replace_section

PAGE = "scale.md"
STRATEGIES = "strategy=none,inv_freq,sqrt_inv,inv_power,eff_num,ros,rus,smote,tuned_threshold,logit_adjust"
SWEEPS = {  # a cell that costs little beside what the harness adds, and one of a network
    "logreg": ("model=logreg", STRATEGIES),
    "mlp": ("model=mlp", "strategy=none,inv_freq,smote,focal,la_loss"),
}
TABLES = ("runs", "params", "tags", "metrics", "latest_metrics")
MILLION, MACHINES, CORES = 1_000_000, (1, 10, 100), 2


@dataclass(frozen=True)
class Sizes:
    """What is measured."""

    seeds: tuple[tuple[str, int], ...] = (("logreg", 20), ("mlp", 8))
    compared: tuple[int, ...] = (1_000, 10_000, 100_000)
    stored: tuple[int, ...] = (1_000, 10_000, 100_000)


QUICK = Sizes((("logreg", 2), ("mlp", 1)), (20, 40), (20, 40))


@dataclass(frozen=True)
class Cell:
    """What one cell of a sweep costs, in CPU seconds and bytes.

    Parameters
    ----------
    model : str
    runs : int
        That were measured.
    computed : float
        Seconds of a sweep without MLflow, imports and comparison included, by its runs.
    fit : float
        Wall seconds of that in the fit.
    sent : float
        Seconds that MLflow adds, by the difference of the two sweeps.
    record, stored : float
        Bytes that the record takes, and the row in the database.
    """

    model: str
    runs: int
    computed: float
    fit: float
    sent: float
    record: float
    stored: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the tables of the page; 1 if a run fails."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a smoke test")
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER", help=f"where {PAGE} goes")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            text = measure(QUICK if asked.quick else Sizes(), Path(scratch))
        except Broken as error:
            print(f"broken: {error}", file=sys.stderr)
            return 1
    text += "\n\n" + circumstances("python -m experiments.benchmarks.scale" + " --quick" * asked.quick)
    print(text)
    asked.out.mkdir(parents=True, exist_ok=True)
    replace_section(asked.out / PAGE, "scale", text)
    return 0


def measure(sizes: Sizes, folder: Path) -> str:
    """Return the tables as Markdown."""
    run_block([PYTHON, "-m", "experiments.benchmarks.data", str(folder), "store"], folder / "making")
    cells = [measured_cell(model, seeds, folder) for model, seeds in sizes.seeds]
    sweep = folder / f"{sizes.seeds[0][0]}-mlflow"
    compared = [cost(sweep / "multirun", runs, folder / f"compare-{runs}") for runs in sizes.compared]
    stored = []
    for runs in sizes.stored:
        database = grown(sweep / "mlflow.db", runs, folder / f"{runs}.db")
        found = cost(database, runs, folder / f"store-{runs}")
        stored.append(found | {"bytes": database.stat().st_size / found["runs"]})
        database.unlink()
    return "\n\n".join(
        [
            "CPU seconds and kilobytes of a cell, imports and closing comparison included in *computed*:",
            cell_table(cells),
            "Comparisons of runs in memory, CPU seconds:",
            cost_table(compared),
            "The same from a SQLite database, read by its tables:",
            cost_table(stored),
            f"A million cells of each kind, from these figures, on machines of {CORES} cores like this one:",
            machine_table(cells, stored[-1]),
        ]
    )


def measured_cell(model: str, seeds: int, folder: Path) -> Cell:
    """Run the sweep of a model with and without MLflow."""
    blocks: dict[str, Block] = {}
    for tracking in ("none", "mlflow"):
        command = (*LAB, "-m", *SWEEPS[model], f"seed=range({seeds})", f"tracking={tracking}")
        blocks[tracking] = run_block(command, folder / f"{model}-{tracking}", folder / "mlflow.db")
        print(f"{model}, {tracking}: {blocks[tracking].seconds:.0f} s", flush=True)
    found, runs = records(blocks["mlflow"]), len(records(blocks["none"]))
    kept = sum(file.stat().st_size for file in (blocks["mlflow"].folder / "multirun").rglob("*") if file.is_file())
    store = (blocks["mlflow"].folder / "mlflow.db").stat().st_size - (folder / "mlflow.db").stat().st_size
    return Cell(
        model,
        runs,
        blocks["none"].cpu_seconds / runs,
        fmean(record["metrics"]["timing/fit"] for record in found),
        (blocks["mlflow"].cpu_seconds - blocks["none"].cpu_seconds) / runs,
        kept / len(found),
        store / len(found),
    )


def cost(source: Path, runs: int, folder: Path) -> dict[str, float]:
    """Compare `runs` runs in a process of its own."""
    block = run_block([PYTHON, str(HERE / "ours" / "compare_cost.py"), str(source), str(runs)], folder)
    print(f"{folder.name}: {block.seconds:.0f} s", flush=True)
    return block.printed[-1]


def grown(database: Path, runs: int, copy: Path) -> Path:
    """Return a copy of a database whose runs are repeated, under other ids and seeds, until there are about `runs`."""
    shutil.copy(database, copy)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("pragma synchronous=off")
        connection.execute("pragma journal_mode=off")
        connection.execute("create temp table ours as select run_uuid from tags where key = 'strategy'")
        (have,) = connection.execute("select count(*) from ours").fetchone()
        connection.execute("create temp table copies as select 1 as copy where 0")
        connection.executemany("insert into copies values (?)", [(n,) for n in range(1, runs // have)])
        new_id = "printf('%08x', copies.copy) || substr(old.run_uuid, 9)"
        for table in TABLES:
            columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
            values = ", ".join(new_value(table, column, new_id) for column in columns)
            connection.execute(
                f"insert into {table} ({', '.join(columns)}) select {values} from {table} old cross join copies "
                "where old.run_uuid in ours"
            )
        connection.commit()
    return copy


def new_value(table: str, column: str, new_id: str) -> str:
    """Return the expression of a column in a copy: another id, seed, dataset and configuration."""
    if column == "run_uuid":
        return new_id
    if column != "value" or table not in ("params", "tags"):
        return f"old.{column}"
    seed = "cast(cast(old.value as integer) + 1000 * (copies.copy % 5) as text)"
    name = "old.value || ' ' || (copies.copy / 5)"
    return (
        f"case when old.key in ('seed', 'split.seed') then {seed} "
        f"when old.key in ('dataset', 'dataset.name', 'data_hash') then {name} "
        f"when old.key = 'config_hash' then old.value || copies.copy else old.value end"
    )


def cell_table(cells: Sequence[Cell]) -> str:
    """Return what a cell costs."""
    head = [
        "model",
        "runs",
        "computed, s",
        "of it the fit (wall), s",
        "sent to MLflow, s",
        "record, kB",
        "database, kB",
    ]
    rows = [
        [
            cell.model,
            str(cell.runs),
            *(f"{value:.3f}" for value in (cell.computed, cell.fit, cell.sent)),
            *(f"{value / 1000:.0f}" for value in (cell.record, cell.stored)),
        ]
        for cell in cells
    ]
    return markdown(head, rows)


def cost_table(found: Sequence[dict[str, float]]) -> str:
    """Return what comparisons cost."""
    extra = ["database, kB a run"] if "bytes" in found[0] else []
    rows = [
        [
            f"{row['runs']:,.0f}",
            f"{row['tables']:.0f}",
            f"{row['read']:.1f}",
            f"{row['compare']:.1f}",
            f"{row['peak_mb']:,.0f}",
            *([f"{row['bytes'] / 1000:.1f}"] if extra else []),
        ]
        for row in found
    ]
    return markdown(["runs", "tables", "reading, s", "comparing, s", "peak MB", *extra], rows)


def machine_table(cells: Sequence[Cell], largest: dict[str, float]) -> str:
    """Return what a million cells take on more and more machines, and what one process must do for them all."""
    grow = MILLION / largest["runs"]
    rows = [
        [
            cell.model,
            str(machines),
            f"{MILLION * cell.computed / (machines * CORES) / 3600:,.1f}",
            f"{MILLION * cell.sent / 3600:,.1f}",
            f"{MILLION * cell.record / 1e9:,.0f}",
            f"{MILLION * cell.stored / 1e9:,.0f}",
            f"{grow * (largest['read'] + largest['compare']) / 3600:,.1f}",
            f"{grow * largest['peak_mb'] / 1000:,.0f}",
        ]
        for cell in cells
        for machines in MACHINES
    ]
    head = ["model", "machines", "computing, h", "sending by one process, h", "records, GB", "database, GB"]
    return markdown([*head, "one comparison, h", "its memory, GB"], rows)


if __name__ == "__main__":
    sys.exit(main())
