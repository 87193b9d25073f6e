"""From a table of runs to a comparison: per dataset and model, across datasets, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from imbalance_lab.comparison.across import Across, across_datasets
from imbalance_lab.comparison.answer import Answer, answer_of
from imbalance_lab.comparison.contenders import families
from imbalance_lab.comparison.groups import Group, group_runs
from imbalance_lab.comparison.paired import FEW_ROWS, interval, paired_differences
from imbalance_lab.comparison.sentences import sentence_of
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.errors import ConfigError
from imbalance_lab.evaluation.metrics import HEADLINE, shown_at
from imbalance_lab.options import describe, nearest
from imbalance_lab.runs.history import no_epochs
from imbalance_lab.runs.table import EpochReader, RunTable


@dataclass(frozen=True)
class Compared:
    """The strategies of one group, compared.

    Parameters
    ----------
    group : Group
    table : DataFrame
        A row per strategy, best mean first: ``runs``, ``values`` (seeds times folds), ``mean`` with ``low`` and
        ``high``, the standard ``deviation`` of the values, the metrics beside it, and ``baseline_*`` and
        ``control_*``: ``difference``, ``low``, ``high``, ``p``, ``verdict``, ``more`` and ``most`` (runs), as
        `paired_differences` gives them.
    recalls : DataFrame
        Mean recall: a row per strategy, a column per class, the rarest class first.
    answer : Answer
        What to use.
    verdict : str
        The evidence in a sentence or two.
    notes : list of str
    """

    group: Group
    table: pd.DataFrame
    recalls: pd.DataFrame
    answer: Answer
    verdict: str
    notes: list[str]


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

    @property
    def verdict(self) -> str:
        """What to use, and the evidence, a line per group."""
        lines = [f"{one.group.title}: {one.answer.text} {one.verdict}" for one in self.compared]
        across = self.across
        lines += [f"across {len(one.means)} datasets{_of(one.name)}: {summary(one, self.settings)}" for one in across]
        return "\n".join(lines)

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

    def to_markdown(self) -> str:
        """Return the comparison as Markdown."""
        from imbalance_lab.comparison.report import text

        return text.markdown(self)

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
        A table; a folder of runs; or records, as mappings (what ``record.json`` holds) or objects with a ``summary()``.
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
    across = _across(compared, settings)
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
    if not Path(runs).is_dir():
        raise ConfigError(f"there is no folder {runs}")
    return RunTable.from_folder(runs)


def _with(settings: Settings | None, changes: Mapping[str, Any]) -> Settings:
    """Return settings with some of them changed."""
    try:
        return replace(settings, **changes) if settings is not None else Settings(**changes)
    except ValidationError as error:
        raise ConfigError("; ".join(describe("", detail) for detail in error.errors())) from error


def compare_group(group: Group, settings: Settings) -> Compared:
    """Compare the strategies of one group with the baseline and with the control."""
    mean, low, high = interval(group.values.to_numpy(), group.ratio, settings.confidence)
    low, high = (np.clip(ends, *settings.bounds) for ends in (low, high))
    strategies = group.values.index
    runs = group.runs.strategy.value_counts().reindex(strategies)
    table = pd.DataFrame(
        {"runs": runs, "values": group.values.notna().sum(axis=1), "mean": mean, "low": low, "high": high},
        index=strategies,
    )
    table["deviation"] = group.values.std(axis=1)
    _fill_single_runs(table, group, settings)
    beside = group.metrics.reindex(columns=[key for key in shown_at("comparison") if key != settings.metric])
    table = table.join(beside.groupby(group.runs.strategy).mean().dropna(axis=1, how="all"))
    notes = list(group.notes)
    for role, name in (("baseline", settings.baseline), ("control", settings.control)):
        if name in strategies:
            found = paired_differences(group.values, name, group.ratio, settings)
            found[["more", "most"]] = np.ceil(found[["more", "most"]] / _values_a_run(group))
            table = table.join(found.add_prefix(f"{role}_"))
        elif near := group.of_strategy(name):
            notes.append(f"which '{name}' is the {role}? {role}= can be {', '.join(near)}")
    if any(FEW_ROWS in set(table.get(f"{role}_verdict", ())) for role in ("baseline", "control")):
        notes.append(f"{FEW_ROWS}: seeds share their rows, so that no number of further seeds would settle it")
    if labels := sum(str(key).startswith(f"{HEADLINE}/") for key in group.metrics.dropna(axis=1, how="all")):
        notes.append(f"metrics are means over {labels} labels: worst recall is that of the worse class of each label")
    notes += [_optimism(name, own) for name, own in families(group.runs).items()]
    table = table.sort_values("mean", ascending=settings.sign < 0, kind="stable")
    verdict = sentence_of(table, group, settings)
    if table["values"].nunique() > 1:
        verdict += " Means are over different seeds, differences over those that both have."
    return Compared(group, table, _recalls(group, table.index), answer_of(table, settings), verdict, notes)


def _optimism(name: str, contenders: Sequence[str]) -> str:
    """Return why the best of several settings of one option is not as good as it looks."""
    return (
        f"{name} ran with {len(contenders)} settings: the best of them on these test rows is chosen by them, so its "
        "result is optimistic; choose settings by validation rows, or test the best on rows that had no part in it"
    )


def _values_a_run(group: Group) -> int:
    return max(group.values.columns.get_level_values("fold").nunique(), 1)


def _fill_single_runs(table: pd.DataFrame, group: Group, settings: Settings) -> None:
    """Take the bootstrap interval of a strategy's only run, where it logged one."""
    ends = {end: group.metrics.get(f"interval/{end}/{settings.metric}") for end in ("low", "high")}
    for end, values in ends.items():
        if values is not None:
            table[end] = table[end].fillna(values.groupby(group.runs.strategy).mean())


def _recalls(group: Group, strategies: pd.Index) -> pd.DataFrame:
    recalls = group.metrics[[key for key in group.metrics if str(key).startswith("recall/")]].dropna(axis=1, how="all")
    support = group.metrics[[key for key in group.metrics if str(key).startswith("support/")]].mean()
    rarest_first = sorted(map(str, recalls), key=lambda key: support.get(f"support/{key.removeprefix('recall/')}", 0.0))
    means = recalls[rarest_first].groupby(group.runs.strategy).mean().reindex(strategies)
    return means.rename(columns=lambda key: key.removeprefix("recall/"))


def summary(across: Across, settings: Settings) -> str:
    """Return what the tests across datasets found."""
    best = across.ranks.index[0]
    tied = alike_in_rank(across)
    alpha = 1 - settings.confidence
    if across.friedman["p_F"] >= alpha:
        return f"average ranks do not differ more than chance allows (Friedman, p = {across.friedman['p_F']:.2g})"
    return (
        f"{best} has the best average rank, {across.ranks.iloc[0]:.2f}; Nemenyi's test "
        f"{'tells it from all others' if len(tied) == 1 else 'cannot tell it from ' + ', '.join(tied[1:])} "
        f"(Friedman, p = {across.friedman['p_F']:.2g})"
    )


def alike_in_rank(across: Across) -> list[str]:
    """Return what Nemenyi's test cannot tell from the best average rank, that one first."""
    return [str(name) for name in across.ranks.index[across.ranks <= across.ranks.iloc[0] + across.critical_difference]]


def _of(name: str) -> str:
    return f", {name}" if name else ""


def kinds_of(compared: Sequence[Compared]) -> dict[str, dict[str, Compared]]:
    """Return the groups that differ in their dataset only, by what they share and their dataset; the latest of each."""
    kinds: dict[str, dict[str, Compared]] = {}
    for one in compared:
        rest = {key: value for key, value in one.group.name.items() if key not in ("dataset", "data")}
        kind = ", ".join(value if key == "model" else f"{key}={value}" for key, value in rest.items())
        known = kinds.setdefault(kind, {}).get(one.group.name["dataset"])
        if known is None or known.group.runs.start.max() < one.group.runs.start.max():
            kinds[kind][one.group.name["dataset"]] = one
    return kinds


def _across(compared: Sequence[Compared], settings: Settings) -> list[Across]:
    """Put groups that differ in their dataset only side by side."""
    kinds = kinds_of(compared)
    found = [_side_by_side(kind, groups, settings) for kind, groups in kinds.items() if len(groups) > 1]
    return [one for one in found if one is not None]


def _side_by_side(kind: str, groups: Mapping[str, Compared], settings: Settings) -> Across | None:
    """Compare one group of each dataset; the means are those of the seeds that all its strategies have."""
    shared = {name: one.group.values.dropna(axis=1) for name, one in groups.items()}
    means = {
        name: values.mean(axis=1) if len(values.columns) else groups[name].table["mean"]
        for name, values in shared.items()
    }
    across = across_datasets(kind, pd.DataFrame(means).T, settings)
    if across is None:
        return None
    notes = []
    if unpaired := [name for name, values in shared.items() if not len(values.columns)]:
        notes.append(f"strategies share no seed, so means are over different ones, on {', '.join(unpaired)}")
    if cut := [name for name, v in shared.items() if 0 < len(v.columns) < len(groups[name].group.values.columns)]:
        notes.append(f"means are over the seeds that all strategies have, on {', '.join(cut)}")
    if draws := [name for name, one in groups.items() if "data" in one.group.name]:
        notes.append(f"of several data of one name the latest count, on {', '.join(draws)}")
    return replace(across, notes=[*across.notes, *notes])


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
    without = [
        one.group.title
        for one in compared
        if settings.control not in one.table.index and not one.group.of_strategy(settings.control)
    ]
    if not without or settings.control == settings.baseline:
        return []
    where = "anywhere" if len(without) == len(compared) else f"on {', '.join(without[:5])}"
    return [
        f"the control {settings.control} was not run {where}: whether a strategy does more than tuned thresholds "
        f"is open; add strategy={settings.control} to the sweep"
    ]
