"""From a table to an answer to a model: ``python -m imbalance_lab recommend my.csv target=label``."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from imbalance_lab.app.commands import Command, Typed, pairs, setting
from imbalance_lab.errors import ConfigError, LabWarning
from imbalance_lab.fields import STRICT
from imbalance_lab.options import Option, load, nearest, option

if TYPE_CHECKING:
    from imbalance_lab.recommendation.recommend import Recommendation

Names = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]


@dataclass(frozen=True, config=STRICT)
class Settings:
    """What is compared, for how long, and where the model goes.

    Parameters
    ----------
    budget, metric, out : str
    strategies, models : list of str
    groups, order : str
    identifiers : bool
    rope, confidence : float
    jobs, min_class_rows : int
    """

    budget: str = setting("3m", "for trying strategies, as 90s, 10m or 2h; the training of the model comes after")
    metric: str = setting("balanced_accuracy", "what is compared: macro_f1, g_mean, recall/<class>, log_loss, ...")
    out: str = setting("", "the folder of report and model; the same command goes on there", "recommended/my")
    strategies: Names = setting((), "instead of those chosen for the table", "[inv_freq,smote]")
    models: Names = setting((), "instead of those chosen for the table", "[logreg,hist_gb]")
    groups: str = setting("", "a column whose rows of one value stay together", "patient")
    order: str = setting("", "a column that says which row is later: later rows are tested", "date")
    identifiers: bool = setting(False, "columns that look like identifiers are features, too")
    rope: Annotated[float, Field(ge=0, allow_inf_nan=False)] = setting(0.01, "differences below this do not matter")
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = setting(0.95, "of the verdict, over all looks and candidates")
    min_class_rows: Annotated[int, Field(ge=0)] = setting(0, "classes of fewer rows are left out")
    jobs: int = setting(-1, "runs at once; -1: one per core")


def run(typed: Typed[Settings]) -> None:
    """Look at the table, try what suits it, and leave report and model."""
    settings = typed.settings
    source = source_of(typed.words, typed.others)
    if settings.jobs == 0:
        raise ConfigError("jobs=0 runs nothing: give the runs at once, or -1 for one per core")
    from imbalance_lab import process

    process.take_over()
    process.handle_signals()
    from imbalance_lab.recommendation.recommend import recommend

    screen = _Screen()
    out = Path(settings.out or Path("recommended", source.build().title))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("default", LabWarning)
            warnings.showwarning = lambda message, *_, **__: screen.line(f"Note: {message}")
            found = recommend(
                source, budget=settings.budget, metric=settings.metric, strategies=settings.strategies or None,
                models=settings.models or None, groups=settings.groups or None, order=settings.order or None,
                identifiers=settings.identifiers, rope=settings.rope, confidence=settings.confidence,
                jobs=settings.jobs, folder=out, progress=sys.stderr.isatty(), report=screen.line,
                min_class_rows=settings.min_class_rows,
            )  # fmt: skip
    except KeyboardInterrupt:
        sys.exit(f"interrupted; what has finished is kept in {out}, and the same command goes on")
    screen.result(found)


def source_of(words: list[str], others: list[str]) -> Option:
    """Return the table that is typed, as an option of the group ``dataset``.

    Raises
    ------
    ConfigError
        If there is none, or a setting of no table.
    """
    given = {key.removeprefix("dataset."): value for key, value in pairs(others).items()}
    name = given.pop("dataset", "csv" if words else "")
    if len(words) > 1 or not name or (words and ("target" not in given or name != "csv")):
        raise ConfigError("give one table and its target, as in my.csv target=label")
    known = [*load("dataset", name), *(one.name for one in fields(Settings))]
    if unknown := [key for key in given if key not in known]:
        near = nearest(unknown[0], known) or "; python -m imbalance_lab recommend --help shows what it takes"
        raise ConfigError(f"recommend has no setting '{unknown[0]}'{near}")
    if words:
        given["path"] = os.path.expanduser(words[0])
    return option("dataset", name, **_typed(load("dataset", name), given))


def _typed(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of a dataset that are typed as text, as numbers where its file has numbers."""
    number = {key for key, value in settings.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    try:
        return {key: type(settings[key])(value) if key in number else value for key, value in given.items()}
    except (TypeError, ValueError) as error:
        raise ConfigError(f"dataset settings: {error}") from error


class _Screen:
    """Lines for people, in the width there is."""

    def __init__(self) -> None:
        from rich.console import Console

        console = Console()
        self._width = console.width if console.is_terminal else None
        self._colour = console.is_terminal and console.color_system is not None and not console.no_color

    def line(self, text: str) -> None:
        from imbalance_lab.comparison.report.layout import wrapped

        print("\n".join(wrapped(text, self._width)), flush=True)

    def result(self, found: Recommendation) -> None:
        """Print the verdict, what is recommended, and what can be typed next."""
        from imbalance_lab.comparison.report.terminal import terminal
        from imbalance_lab.recommendation.recommend import MODEL, REPORT, predict_line
        from imbalance_lab.runs.saving import CARD

        assert found.folder is not None
        print(f"\n{terminal(found.comparison, self._width, self._colour)}\n")
        self.line(f"After {found.rounds} round{'s' if found.rounds > 1 else ''}: {found.stopped}.")
        if leaks := list(found.facts.deciding or {}):
            again = f"drop=[{','.join(leaks)}]"
            self.line(f"Do not rely on it before you know why {', '.join(map(repr, leaks))} decides the class: {again}")
        model = found.folder / MODEL
        print(f"\nreport: {found.folder / REPORT}\nmodel: {model}; its card: {model / CARD}")
        print(f"next, the classes of other rows:\n{predict_line(found.folder)}")


main = Command(
    "recommend",
    "try what suits a table, and train what is best",
    Settings,
    run,
    words="TABLE",
    others="target=COLUMN",
    notes=(
        "TABLE is CSV, TSV, Excel or Parquet; drop=[id,code] leaves columns out, and the other settings\n"
        "of dataset=csv are taken, too. Plain training and plain training with tuned thresholds are always\n"
        "tried. What is left: report.html, candidates.csv, model (for predict), and the runs."
    ),
)
