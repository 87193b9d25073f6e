"""The verdict, with its evidence: ``python -m imbalance_lab compare experiment=four_classes``."""

from __future__ import annotations

import difflib
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from imbalance_lab.app import recipes
from imbalance_lab.app.arguments import search_folders, split_flags
from imbalance_lab.app.commands import ending_in_one_line
from imbalance_lab.app.lines import PROGRAM, aligned, listing
from imbalance_lab.comparison import Comparison, Settings, compare
from imbalance_lab.comparison.budgets import TUNING
from imbalance_lab.comparison.groups import column
from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT
from imbalance_lab.options import nearest
from imbalance_lab.runs.parquet import PARQUET, read_parquet
from imbalance_lab.runs.reading import setting_key, setting_name
from imbalance_lab.runs.table import RunTable

if TYPE_CHECKING:
    from imbalance_lab.app.next_step import Step

SHOWN = {
    "experiment=four_classes": "one or several ([a,b]) MLflow experiments; all by default",
    "metric=balanced_accuracy": "any metric of the test rows: macro_f1, log_loss, recall/<class>, ...",
    "baseline=none": "the strategy that the others are held against",
    "control=tuned_threshold": "the one that every other must beat to be worth its trouble",
    "by=[dataset,model]": "what gets a table of its own; by=dataset lets models compete too",
    "rope=0.01": "differences smaller than this do not matter",
    "confidence=0.95": "of intervals and verdicts",
    "columns=few": "all: everything that is known of each strategy, of every group",
    "format=terminal": "terminal, markdown, csv (a line per strategy), matrix (CSV of datasets by strategies, means "
    "and deviations), latex (the same for a paper), json, html (a report in one file)",
    "out=comparison.md": "write to this file instead of the screen; html goes to comparison.html",
    "uri=sqlite:///mlflow.db": "the MLflow store; MLFLOW_TRACKING_URI if set",
    "folder=multirun/2026-11-23": "records on disk instead of MLflow: one or several ([a,b]) folders or Parquet files "
    "of runs; a file may also stand bare: compare leaderboard.parquet",
    "sweep=last": "the runs of one sweep, by name; last: the latest",
}
FOR_PEOPLE = ("terminal", "html", "markdown")
HELP = f"""\
{PROGRAM} compare [key=value ...]
Which strategy is better, by how much, and how sure one can be.

{aligned(SHOWN)}

Any other key filters:
  strategy=[none,smote] model=mlp dataset=yeast seed=[0,1] training.epochs=100
  tuning=none, tuning.trials=50
Where runs had options of your own, --config-dir FOLDER lets it propose what
to type next with those.
"""


@dataclass(frozen=True, config=STRICT)
class Request:
    """Where runs are read and where the comparison goes.

    Parameters
    ----------
    uri : str
    folder : str or list of str
        Read records on disk instead, or Parquet files of runs.
    experiment : str or list of str
        Of MLflow; empty for all.
    columns : str
        ``few`` in a terminal, or ``all``.
    format : str
    out : str or None
        A file; None for the screen, or for ``comparison.html`` where the format is HTML.
    """

    uri: str = ""
    folder: str | list[str] = field(default_factory=list)
    experiment: str | list[str] = field(default_factory=list)
    columns: Literal["few", "all"] = "few"
    format: Literal["terminal", "markdown", "csv", "matrix", "latex", "json", "html"] = "terminal"
    out: str | None = None

    @property
    def file(self) -> str | None:
        """The file to write, None for the screen."""
        return self.out or ("comparison.html" if self.format == "html" else None)

    @property
    def store(self) -> str:
        """The MLflow store to read."""
        return self.uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"

    @property
    def folders(self) -> list[str]:
        """The folders to read instead of MLflow."""
        return [self.folder] if isinstance(self.folder, str) else self.folder

    @property
    def experiments(self) -> list[str]:
        """The experiments asked for."""
        return [self.experiment] if isinstance(self.experiment, str) else self.experiment


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare runs as the command line asks."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with ending_in_one_line():
        if {"-h", "--help"} & set(given):
            print(HELP)
            return
        request, settings, filters = parse(_without_folders(given))
        if not request.folders:
            settings = replace(settings, metric=logged_as(settings.metric))
        table = select(read(request, settings), filters)
        comparison = compare(table, settings)
        rendered = render(comparison, request, _step(comparison, request, table))
        if request.file is None:
            print(rendered)
        else:
            with open(request.file, "w", encoding="utf-8") as file:
                file.write(rendered)
            print(f"{comparison.verdict}\n{request.file}")


def _without_folders(arguments: Sequence[str]) -> list[str]:
    """Let options of the folders that ``--config-dir`` names be known; return the other arguments."""
    named = any(argument.startswith(("--config-dir", "-cd")) for argument in arguments)
    flags, rest = split_flags(arguments) if named else ([], list(arguments))
    recipes.register(search_folders(flags))
    return rest


def parse(arguments: Sequence[str]) -> tuple[Request, Settings, dict[str, list[str]]]:
    """Return what ``key=value`` arguments ask for; keys that are no option are filters.

    Raises
    ------
    ConfigError
    """
    arguments = _with_files(arguments)
    if wrong := [argument for argument in arguments if "=" not in argument]:
        raise ConfigError(f"'{wrong[0]}': arguments are key=value; --help lists the keys")
    pairs = [argument.partition("=")[::2] for argument in arguments]
    if twice := [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]:
        raise ConfigError(f"{twice[0]}= is given twice; several values are a list: {twice[0]}=[a,b]")
    plain = {key: _value(key, text) for key, text in pairs}
    if plain.get("by") and isinstance(plain["by"], str):
        plain["by"] = [plain["by"]]
    options = [{f.name for f in fields(kind)} for kind in (Request, Settings)]
    request = _build(Request, {key: value for key, value in plain.items() if key in options[0]})
    settings = _build(Settings, {key: value for key, value in plain.items() if key in options[1]})
    filters = {key: _texts(value) for key, value in plain.items() if key not in options[0] | options[1]}
    return request, settings, filters


def _with_files(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with Parquet files that stand bare among the folders."""
    files = [argument for argument in arguments if argument.endswith(PARQUET) and "=" not in argument]
    if not files:
        return list(arguments)
    named = [argument.partition("=")[2] for argument in arguments if argument.startswith("folder=")]
    folders = [*files, *(text for folder in named for text in folder.strip("[]").split(","))]
    rest = [argument for argument in arguments if argument not in files and not argument.startswith("folder=")]
    return [*rest, f"folder=[{','.join(folders)}]"]


def _value(key: str, text: str) -> Any:
    try:
        return yaml.load(text, yaml.BaseLoader) if text.startswith("[") else text
    except yaml.YAMLError as error:
        raise ConfigError(f"{key}={text} is no list; names with commas or brackets need quotes of their own") from error


def _build(kind: Any, given: Mapping[str, Any]) -> Any:
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc'][:1]))}={first['input']}: {first['msg']}") from error


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def logged_as(metric: str) -> str:
    """Return a metric's name as it is in MLflow, which does not take every character of a class's name."""
    from imbalance_lab.tracking.keys import key_for

    return key_for(metric)


def read(request: Request, settings: Settings) -> RunTable:
    """Read the runs that are asked for.

    Raises
    ------
    ConfigError
        If a folder or store does not exist, or both are given.
    TrackingError
        If the store cannot be read.
    """
    if request.folders:
        return _read_folders(request)
    from imbalance_lab.tracking.read import read_runs

    uri = request.store
    file = uri.removeprefix("sqlite:///")
    if file != uri and not os.path.isfile(file):
        raise ConfigError(f"there is no {file} here; run a sweep first, or give uri=")
    return read_runs(uri, settings.metric, request.experiments)


def _read_folders(request: Request) -> RunTable:
    if request.uri or request.experiment:
        raise ConfigError("folder= reads records on disk, uri= and experiment= read MLflow: give one of them")
    files = [folder for folder in request.folders if folder.endswith(PARQUET) and os.path.isfile(folder)]
    folders = [folder for folder in request.folders if folder not in files]
    if missing := [folder for folder in folders if not os.path.isdir(folder)]:
        kind = "file" if missing[0].endswith(PARQUET) else "folder"
        raise ConfigError(f"there is no {kind} {', '.join(missing)}" if all(missing) else "folder= names no folder")
    tables = [RunTable.from_folder(*folders)] if folders else []
    return reduce(RunTable.union, [*map(read_parquet, map(Path, files)), *tables])


def select(table: RunTable, filters: Mapping[str, Sequence[str]]) -> RunTable:
    """Return the runs that pass every filter: a column of the run table or a setting, and the values it may have.

    Raises
    ------
    ConfigError
        If there is no such column or setting, or no run passes.
    """
    options = [f.name for kind in (Request, Settings) for f in fields(kind)]
    for key, values in filters.items():
        known = [*table.runs, *map(setting_name, table.settings)]
        if key not in table.runs and setting_key(key) not in table.settings and key != TUNING:
            raise ConfigError(f"runs have no '{key}'{nearest(key, [*known, *options])}")
        own = column(table, key)
        wanted = [_last_sweep(table)] if (key, *values) == ("sweep", "last") else list(values)
        kept = table.only(own.isin(wanted))
        if not len(kept.runs):
            has = sorted(map(str, own.dropna().unique()))
            there = (
                f"; did you mean {key}={near[0]}?" if (near := difflib.get_close_matches(wanted[0], has, n=1)) else ""
            )
            there = there or (f"; there is {key}={listing(has, 'in the runs')}" if has else f"; none has a {key}")
            raise ConfigError(f"no run has {key}={','.join(wanted)}{there}")
        table = kept
    return table


def _last_sweep(table: RunTable) -> str:
    swept = table.runs.dropna(subset=["sweep"])
    return str(swept.sort_values("start").sweep.iloc[-1]) if len(swept) else "last"


def _step(comparison: Comparison, request: Request, table: RunTable) -> Step | None:
    """Return what can be typed next, for the formats that say it; it composes configurations, which takes a while."""
    from imbalance_lab.app.next_step import next_step

    return next_step(comparison, table) if request.format in FOR_PEOPLE else None


def render(comparison: Comparison, request: Request, step: Step | None = None) -> str:
    """Return the comparison in the format asked for; for people, with what can be typed next."""
    if request.format == "terminal":
        return _for_terminal(comparison, request, step)
    if request.format in FOR_PEOPLE:
        written = comparison.to_html if request.format == "html" else comparison.to_markdown
        return written("" if step is None else step.text(None))
    return {
        "csv": comparison.to_csv,
        "matrix": lambda: comparison.to_matrix().to_csv(index=False),
        "latex": comparison.to_latex,
        "json": comparison.to_json,
    }[request.format]()


def _for_terminal(comparison: Comparison, request: Request, step: Step | None) -> str:
    from rich.console import Console

    from imbalance_lab.comparison.report.terminal import terminal

    console = Console()
    shown = console.is_terminal and request.out is None
    width = console.width if shown else None  # a pipe has none
    then = "" if step is None else step.text(width)
    colour = shown and console.color_system is not None and not console.no_color
    return terminal(comparison, width, colour, request.columns == "all", then)
