"""From a table of runs to a comparison: per dataset and model, across datasets, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from imbalance_lab.comparison.across import Across
from imbalance_lab.comparison.against_stress import AgainstStress, against_stress
from imbalance_lab.comparison.compared import Compared, compare_group
from imbalance_lab.comparison.groups import Group, group_runs
from imbalance_lab.comparison.overall import Overall, overall_of
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.side_by_side import side_by_side, summary
from imbalance_lab.comparison.tuned import Tuned, what_tuning_bought
from imbalance_lab.errors import ConfigError
from imbalance_lab.options import describe, nearest
from imbalance_lab.runs.history import no_epochs
from imbalance_lab.runs.parquet import PARQUET, read_parquet
from imbalance_lab.runs.table import EpochReader, RunTable


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """Which strategy is better, by how much, and how sure one can be; a notebook shows it by itself.

    Parameters
    ----------
    settings : Settings
    compared : list of Compared
    across : list of Across
    unfinished : DataFrame
        Runs that did not finish and were not made up for: ``dataset``, ``model``, ``strategy``, ``outcome``,
        ``reason``, ``runs``.
    notes : list of str
    epochs : callable
        Takes ids of runs and returns their epochs, as that of the `RunTable`.
    """

    settings: Settings
    compared: list[Compared]
    across: list[Across]
    unfinished: pd.DataFrame
    notes: list[str]
    epochs: EpochReader = no_epochs

    def only(self, compared: Sequence[Compared]) -> Comparison:
        """Return the comparison of some of its groups, by themselves."""
        return replace(self, compared=list(compared), across=side_by_side(compared, self.settings))

    @property
    def verdict(self) -> str:
        """What to use, and the evidence, a line per group."""
        lines = [self.overall.text] if len(self.compared) > 1 else []
        lines += [f"{one.group.title}: {one.answer.text} {one.verdict}" for one in self.compared]
        across = self.across
        lines += [f"across {len(one.means)} datasets{_of(one.name)}: {summary(one, self.settings)}" for one in across]
        return "\n".join(lines)

    @cached_property
    def stressed(self) -> list[AgainstStress]:
        """The metric against each stress, where runs were made at several levels of it."""
        return against_stress(self.compared, self.settings)

    @cached_property
    def overall(self) -> Overall:
        """The one answer, over all groups."""
        return overall_of(self.compared, self.across, self.stressed, self.settings)

    @cached_property
    def tuned(self) -> list[Tuned]:
        """What tuning chose and what it bought, in each group of tuned runs."""
        return what_tuning_bought(self.compared, self.settings)

    def text(self, width: int | None = None) -> str:
        """Return the comparison as text, in lines of at most `width` characters; None for as wide as they are."""
        from imbalance_lab.comparison.report.terminal import terminal

        return terminal(self, width)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from imbalance_lab.comparison.report.notebook import notebook

        return notebook(self)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each strategy of each group, with every number."""
        from imbalance_lab.comparison.report import text

        return text.flat(self)

    def to_csv(self) -> str:
        """Return a line for each strategy of each group, with every number."""
        from imbalance_lab.comparison.report import text

        return text.csv(self)

    def to_markdown(self, then: str = "") -> str:
        """Return the comparison as Markdown.

        Parameters
        ----------
        then : str
            What can be typed next: a line that says what for, then the command.
        """
        from imbalance_lab.comparison.report import text

        return text.markdown(self, then)

    def to_json(self) -> str:
        """Return the comparison as JSON; what is unknown is null."""
        from imbalance_lab.comparison.report import text

        return text.to_json(self)

    def to_latex(self) -> str:
        """Return tables of datasets by strategies for a paper, which need LaTeX's package booktabs."""
        from imbalance_lab.comparison.report.latex import latex

        return latex(self)

    def to_matrix(self) -> pd.DataFrame:
        """Return a row per dataset, and of each strategy its mean and its deviation over seeds and folds."""
        from imbalance_lab.comparison.report.matrix import wide

        return wide(self)

    def to_html(self, then: str = "") -> str:
        """Return the comparison as a page in one file, with figures, that needs no network.

        Parameters
        ----------
        then : str
            What can be typed next, which stands below the answer: a line that says what for, then the command.
        """
        from imbalance_lab.comparison.report.page import html, runs_with_epochs

        return html(self, self.epochs(runs_with_epochs(self)), then)


def compare(
    runs: RunTable | str | Path | Iterable[Any], settings: Settings | None = None, **changes: Any
) -> Comparison:
    """Compare the strategies of runs.

    Parameters
    ----------
    runs : RunTable, str, Path or iterable
        A table; a folder of runs, or a Parquet file of them; or records, as mappings (what ``record.json`` holds) or
        objects with a ``summary()``.
    settings : Settings, optional
    **changes
        Settings by name, as ``metric="macro_f1"``.

    Raises
    ------
    ConfigError
        If no run finished, or a setting names what no run has.

    Examples
    --------
    >>> values = {"none": (0.60, 0.61, 0.62), "smote": (0.80, 0.82, 0.81)}
    >>> records = [{"name": f"{name} {seed}", "strategy": name, "model": "mlp", "dataset": {"name": "d"},
    ...             "metrics": {"balanced_accuracy": value, "rows/train": 60, "rows/validation": 20, "rows/test": 20},
    ...             "config": {"seed": seed}} for name, row in values.items() for seed, value in enumerate(row)]
    >>> compare(records, control="none").compared[0].table.baseline_verdict["smote"]
    'better'
    """
    table = runs if isinstance(runs, RunTable) else _table_of(runs)
    settings = _with(settings, changes)
    if not (table.runs.outcome == "finished").any():
        reasons = "; ".join(table.notes[:1])
        more = f" (and {len(table.notes) - 1} more)" if len(table.notes) > 1 else ""
        raise ConfigError(f"there are no finished runs to compare{f': {reasons}{more}' if reasons else ''}")
    groups = group_runs(table, settings.metric, settings.by, {settings.baseline, settings.control})
    _check_references(groups, settings)
    compared = [compare_group(group, settings) for group in groups]
    notes = _general_notes(compared, settings)
    across = side_by_side(compared, settings)
    return Comparison(settings, compared, across, unfinished(table), [*notes, *table.notes], table.epochs)


def _check_references(groups: Sequence[Group], settings: Settings) -> None:
    """Refuse a baseline or a control that is asked for and was not run anywhere."""
    usual = Settings()
    for role in ("baseline", "control"):
        name = getattr(settings, role)
        if name == getattr(usual, role) or any(name in g.values.index or g.of_strategy(name) for g in groups):
            continue
        known = sorted({str(strategy) for group in groups for strategy in group.values.index})
        advice = nearest(name, known) or f"; {role}= can be {', '.join(known)}"
        raise ConfigError(f"no run has the {role} '{name}'{advice}")


def _table_of(runs: str | Path | Iterable[Any]) -> RunTable:
    if not isinstance(runs, str | Path):
        return RunTable.from_records(runs)
    if Path(runs).suffix == PARQUET and Path(runs).is_file():
        return read_parquet(Path(runs))
    if not Path(runs).is_dir():
        raise ConfigError(f"there is no folder {runs}")
    return RunTable.from_folder(runs)


def _with(settings: Settings | None, changes: Mapping[str, Any]) -> Settings:
    """Return settings with some of them changed."""
    try:
        return replace(settings, **changes) if settings is not None else Settings(**changes)
    except ValidationError as error:
        raise ConfigError("; ".join(describe("", detail) for detail in error.errors())) from error


def _of(name: str) -> str:
    return f", {name}" if name else ""


def unfinished(table: RunTable) -> pd.DataFrame:
    """Return the cells that were skipped, failed, killed or are running, and have no finished run.

    A run in MLflow that failed on its own, and not in a sweep, counts until the next run on its data finishes: its
    caller was told, and went on.
    """
    runs = table.runs.fillna({"strategy": "?", "model": "?", "dataset": "?", "reason": ""})
    runs = runs.assign(cell=runs.config_hash.fillna(runs.dataset + runs.name))
    done = set(runs.cell[runs.outcome == "finished"])
    left = runs[~runs.outcome.isin(["finished", "already finished"]) & ~runs.cell.isin(done)]
    last = runs[runs.outcome == "finished"].groupby("dataset").start.max()
    alone = left.experiment.notna() & left.sweep.isna() & left.outcome.isin(["failed", "killed"])
    left = left[~(alone & (left.start < last.reindex(left.dataset).to_numpy()))]
    left = left.sort_values("start").drop_duplicates("cell", keep="last")
    return (
        left.groupby(["dataset", "model", "strategy", "outcome", "reason"], dropna=False)
        .size()
        .rename("runs")
        .reset_index()
    )


def _general_notes(compared: Sequence[Compared], settings: Settings) -> list[str]:
    return [*_mixed(compared), *_without_control(compared, settings)]


def _mixed(compared: Sequence[Compared]) -> list[str]:
    """Return that runs were tuned with different budgets, and are not compared with each other."""
    runs: dict[str, int] = {}
    for one in compared:
        runs[one.group.budget] = runs.get(one.group.budget, 0) + len(one.group.runs)
    if len(runs) < 2:
        return []
    ordered = sorted(compared, key=lambda one: int(one.group.runs.trials.iloc[0]))
    counts = [f"{budget}: {runs[budget]} runs" for budget in dict.fromkeys(one.group.budget for one in ordered)]
    note = (
        f"runs were tuned with different budgets ({'; '.join(counts)}): each has a table of its own, in which "
        "strategies are held against those of the same budget"
    )
    if max(len(one.table) for one in compared) == 1:
        note += f"; no two strategies were tuned alike yet: give all of them {ordered[-1].group.typed_budget}"
    return [note]


def _without_control(compared: Sequence[Compared], settings: Settings) -> list[str]:
    """Return where the control was not run, with the budget that the strategies there had."""
    without = [
        one
        for one in compared
        if settings.control not in one.table.index and not one.group.of_strategy(settings.control)
    ]
    if not without or settings.control == settings.baseline:
        return []
    titles = [one.group.title for one in without]
    where = "anywhere" if len(without) == len(compared) else f"on {', '.join(titles[:5])}"
    budgets = list(dict.fromkeys(one.group.typed_budget for one in without))
    like = [f"strategy={settings.control} {budget}".strip() for budget in budgets]
    return [
        f"the control {settings.control} was not run {where}: whether a strategy does more than tuned thresholds "
        f"is open; add {', and '.join(like)} to the sweep"
    ]
