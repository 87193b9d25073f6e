"""What Optuna draws of trials: how far they got, and which settings mattered."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from imbalance_lab.evaluation.metrics import find, heading_of
from imbalance_lab.runs.tuning.optuna_study import contained, quiet, study_of
from imbalance_lab.runs.tuning.trials import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FOLDS = 5  # that are drawn
FEWEST_TRIALS = 4  # of which importances are computed


def read_trials(file: Path) -> pd.DataFrame:
    """Return the trials of a run that were written, as they were."""
    table = pd.read_csv(file, keep_default_na=False, na_values={"value": [""]}, dtype=str)
    return table.astype({"fold": int, "number": int, "value": float, "seconds": float})


def draw_tuning(table: pd.DataFrame, tuning: Mapping[str, Any]) -> dict[str, Figure]:
    """Return figures by name: ``tuning_history``, and ``tuning_importance`` where enough trials differ.

    Parameters
    ----------
    table : DataFrame
        A row for each trial, as `RunRecord.trials` has it, or `read_trials`.
    tuning : mapping
        What ``record.json`` holds under ``tuning``.
    """
    from matplotlib import pyplot, rc_context

    figures: dict[str, Figure] = {}
    heading, space, metric = heading_of(tuning["metric"]), tuning["space"], find(tuning["metric"])
    larger_is_better = metric is None or metric.larger_is_better
    folds = sorted(table["fold"].unique())[:MOST_FOLDS]
    with quiet() as optuna, rc_context(), warnings.catch_warnings():  # Optuna changes matplotlib's settings
        warnings.simplefilter("ignore")  # its drawing is experimental
        draw = optuna.visualization.matplotlib
        for fold in folds:
            study = study_of(_trials(table[table["fold"] == fold], space), space, larger_is_better)
            ended = [one.value for one in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))]
            suffix = f"_{fold}" if len(folds) > 1 else ""
            if ended:
                axes = draw.plot_optimization_history(study, target_name=heading)
                figures[f"tuning_history{suffix}"] = _done(axes, pyplot)
            if len(ended) >= FEWEST_TRIALS and len(set(ended)) > 1:
                axes = draw.plot_param_importances(study, target_name=heading)
                figures[f"tuning_importance{suffix}"] = _done(axes, pyplot)
    return figures


def _done(axes: Any, pyplot: Any) -> Any:
    """Return the figure of axes, which nobody else shows or keeps."""
    figure = axes.figure
    figure.tight_layout()
    pyplot.close(figure)
    return figure


def _trials(table: pd.DataFrame, space: Mapping[str, Mapping[str, Any]]) -> list[Trial]:
    return [
        Trial(
            row["number"],
            row["state"],
            None if pd.isna(row["value"]) else row["value"],
            {name: value for name in space if name in row and (value := _value(space[name], row[name])) is not ...},
            row["seconds"],
        )
        for row in table.to_dict("records")
    ]


def _value(node: Mapping[str, Any], cell: Any) -> Any:
    """Return the value of a range that a cell of a table stands for; ``...`` if it lies outside."""
    if "choices" in node:
        return next(
            (one for one in node["choices"] if cell in (one, _cell(one)) or (one is None and cell != cell)), ...
        )
    try:
        value = int(float(cell)) if isinstance(node["low"], int) else float(cell)
    except (TypeError, ValueError):
        return ...
    return value if contained(node, value) else ...


def _cell(choice: Any) -> str:
    """Return a choice as it is written into a table of text."""
    return "" if choice is None else str(choice)
