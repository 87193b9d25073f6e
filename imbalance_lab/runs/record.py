"""What is kept of a run."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.evaluation.metrics import HEADLINE, heading_of
from imbalance_lab.evaluation.predictions import Predictions, join
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.markup import to_html
from imbalance_lab.runs.measured import measured_of
from imbalance_lab.runs.tuning.report import tuning_summary
from imbalance_lab.runs.tuning.space import with_values
from imbalance_lab.runs.tuning.trials import Tuned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imbalance_lab.runs.classifier import Classifier
    from imbalance_lab.runs.fit import Fitted


MAX_ROWS_SHOWN = 40


@dataclass(frozen=True)
class FoldResult:
    """Everything one fold produced.

    Parameters
    ----------
    fitted : Fitted
        Raw rows to classes.
    applied : Fitted
        The same with the rules that decided the test rows, some of which look at all of them.
    validation, test : Predictions
    metrics : dict
        ``balanced_accuracy``, ``recall/<class>``, ...
    seconds : dict
        Wall time of each stage.
    stress : dict or None
        What stress did to training and validation rows: exact counts (see `Stressed.report`).
    tuning : Tuned or None
        The trials of a run that is tuned.
    """

    fitted: Fitted
    applied: Fitted
    validation: Predictions
    test: Predictions
    metrics: dict[str, float]
    seconds: dict[str, float]
    stress: dict[str, Any] | None = None
    tuning: Tuned | None = None

    @property
    def classes(self) -> pd.DataFrame:
        """One row per class: rows, after sampling, weight, effective prior, offset of the decision."""
        return self.applied.classes

    @property
    def effective_prior(self) -> np.ndarray | None:
        """The class prior that the scores carry, shape (T, C); None if they are no probabilities."""
        return self.fitted.effective_prior

    @property
    def history(self) -> pd.DataFrame | None:
        """One row per epoch."""
        return self.fitted.history


@dataclass(frozen=True)
class RunRecord:
    """What is kept of a run.

    Parameters
    ----------
    identity : Identity
        What the run is.
    settings : dict
        Every setting it was given, those of its recording included.
    tags : dict
        Hashes, commit, versions.
    dataset : Dataset
    folds : list of FoldResult
    metrics : dict
        The run's metrics: of the only fold, or means over folds.
    deviations : dict
        Standard deviations over folds; empty for one.
    intervals : DataFrame
        ``low`` and ``high`` for ``balanced_accuracy`` and every ``recall/<class>``.
    classes : DataFrame
        One row per class: rows, after sampling, weight, effective prior, offset of the decision (and of two classes the
        threshold), recall with interval, precision, F1, support.
    history : DataFrame or None
        One row per fold and epoch.
    never_predicted : list of str
        Classes that have test rows and are not predicted once.
    warnings : list of str
    folder : Path or None
        Where the record was written.
    """

    identity: Identity
    settings: dict[str, Any]
    tags: dict[str, str]
    dataset: Dataset
    folds: list[FoldResult]
    metrics: dict[str, float]
    deviations: dict[str, float]
    intervals: pd.DataFrame
    classes: pd.DataFrame
    history: pd.DataFrame | None
    never_predicted: list[str]
    warnings: list[str]
    folder: Path | None = None

    @property
    def name(self) -> str:
        """How the run is called: strategy, model and seed."""
        return self.identity.name

    @property
    def strategy(self) -> str:
        """How its strategy is called."""
        return self.identity.strategy

    @property
    def model(self) -> str:
        """How its model is called."""
        return self.identity.model

    @property
    def thresholds(self) -> dict[str, float]:
        """Of each task of two classes the probability from which the second is decided for, by the mean offset."""
        return {str(name): float(value) for name, value in self.classes.threshold.dropna().items()}

    @property
    def thresholds_text(self) -> list[str]:
        """The thresholds in words."""
        return [f"{name} from a probability of {p:.3f}" for name, p in self.thresholds.items()]

    @property
    def test(self) -> Predictions:
        """Test predictions of all folds, one after the other."""
        return join(fold.test for fold in self.folds)

    @property
    def predictions(self) -> pd.DataFrame:
        """One row per test row: its ``row`` number, ``fold``, true and predicted class, and probability of each class.

        Of several labels a column of each: ``true/<label>``, ``predicted/<label>``, ``probability/<label>``.
        """
        return pd.concat([self._predictions(fold, result) for fold, result in enumerate(self.folds)], ignore_index=True)

    def _predictions(self, fold: int, result: FoldResult) -> pd.DataFrame:
        columns: dict[str, Any] = {"row": result.test.rows, "fold": fold}
        labels = self.dataset.labels
        for at, (part, names) in enumerate(zip(result.test.tasks(), self.dataset.tasks, strict=True)):
            suffix = f"/{labels[at]}" if labels else ""
            by_number = np.array(names, dtype=object)
            columns |= {f"true{suffix}": by_number[part.y], f"predicted{suffix}": by_number[part.predicted]}
            shown = [(1, labels[at])] if labels else list(enumerate(names))
            columns |= {f"probability/{name}": np.exp(part.log_proba[:, k]) for k, name in shown}
        return pd.DataFrame(columns)

    def classifier(self, fold: int = 0) -> Classifier:
        """Return what a fold fitted as a scikit-learn estimator, which can be saved."""
        from imbalance_lab.runs.classifier import Classifier

        result, identity = self.folds[fold], self.identity
        if result.tuning is not None:
            identity = with_values(identity, {} if result.tuning.best is None else result.tuning.best.values)
        return Classifier.of_run(result.fitted, identity, self.dataset, self.measured(fold))

    def measured(self, fold: int | None = None) -> dict[str, Any]:
        """Return what a saved model says of how well it does: metrics of all test rows, or of one fold's."""
        whole = measured_of(self.summary())
        if fold is None or len(self.folds) == 1:
            return whole
        by, rows = f"fold {fold + 1} of {len(self.folds)} of the run", len(self.folds[fold].test.rows)
        only = {"by": by, "test_rows": rows, "folds": 1, "metrics": self.folds[fold].metrics, "intervals": {}}
        tuned = self.folds[fold].tuning
        return whole | only | ({} if tuned is None else {"tuning": {**self.identity.tuning, **tuned.summary()}})

    def figures(self) -> dict[str, Figure]:
        """Return the run's figures by name: recall of each class, confusion matrix, precision and recall, ..."""
        from imbalance_lab.evaluation import plots
        from imbalance_lab.runs.tuning.figures import draw_tuning

        tuned = draw_tuning(self.trials, self.tuning) if self.identity.tuning.get("space") else {}
        return tuned | plots.draw(
            plots.Subject(
                dataset=self.dataset.name,
                name=self.name,
                tasks=self.dataset.tasks,
                test=[fold.test for fold in self.folds],
                validation=[fold.validation for fold in self.folds],
                classes=self.classes,
                metrics=self.metrics,
                interval=self.intervals.T[HEADLINE][["low", "high"]].tolist(),
                history=self.history,
            )
        )

    @property
    def tuning(self) -> dict[str, Any]:
        """What tuning came to: its budget, the settings chosen and what they bought; empty if the run is not tuned."""
        return tuning_summary(self.identity.tuning, [fold.tuning for fold in self.folds if fold.tuning is not None])

    @property
    def tuning_lines(self) -> list[str]:
        """What tuning came to in words, a line for each fold."""
        name, on = self.identity.tuning.get("metric", ""), self.identity.tuning.get("on", "")
        several = len(self.folds) > 1
        return [
            f"tuned{f', fold {fold + 1}' if several else ''}: {line}"
            for fold, result in enumerate(self.folds)
            if result.tuning is not None and (line := result.tuning.line(heading_of(name), on))
        ]

    @property
    def trials(self) -> pd.DataFrame:
        """A row for each trial of tuning: fold, number, state, value, each setting, seconds."""
        tables = [result.tuning.table().assign(fold=fold) for fold, result in enumerate(self.folds) if result.tuning]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"fold": []})
        return table[["fold", *(column for column in table if column != "fold")]]

    def _fold_summary(self, fold: FoldResult) -> dict[str, Any]:
        """Return metrics, times, and the rule of each task by which scores became classes."""
        rules = [rule.describe(names) for rule, names in zip(fold.applied.rules, self.dataset.tasks, strict=True)]
        history = fold.history
        kept: dict[str, Any] = (
            {} if history is None else {"kept_epochs": (np.flatnonzero(history.kept > 0) + 1).tolist()}
        )
        kept |= {} if fold.stress is None else {"stress": fold.stress}
        kept |= {} if fold.tuning is None else {"tuning": fold.tuning.summary()}
        return {"metrics": fold.metrics, "seconds": fold.seconds, "decision": rules} | kept

    def summary(self) -> dict[str, Any]:
        """Return what ``record.json`` holds of a finished run."""
        return {
            "outcome": "finished",
            "name": self.name,
            "strategy": self.strategy,
            "model": self.model,
            "identity": self.identity.summary(),
            "dataset": self.dataset.summary(),
            "tags": self.tags,
            "metrics": self.metrics,
            "deviations": self.deviations,
            "intervals": self.intervals.to_dict("index"),
            "classes": _rows_by_name(self.classes),
            "folds": [self._fold_summary(fold) for fold in self.folds],
            **({"tuning": self.tuning} if self.identity.tuning else {}),
            "never_predicted": self.never_predicted,
            "warnings": self.warnings,
        }

    def headline(self, metric: str = HEADLINE) -> str:
        """Return a metric with its interval, and of several folds their deviation."""
        text = f"{heading_of(metric)} {self.metrics[metric]:.3f}"
        if metric in self.intervals.index:
            low, high = self.intervals.loc[metric, ["low", "high"]]
            text += f" [{low:.3f}, {high:.3f}]"
        if len(self.folds) > 1:
            text += f" over {len(self.folds)} folds (deviation {self.deviations[metric]:.3f})"
        return text

    def __repr__(self) -> str:
        """Return dataset, name and result in one line."""
        return f"<RunRecord {self.dataset.name}, {self.name}: {self.headline()}>"

    def _repr_html_(self) -> str:
        """Return the result as a notebook shows it, on light and dark pages."""
        columns = {
            "train_rows": "training rows",
            "sampled_rows": "after sampling",
            "weight": "weight",
            **({"offset": "offset of the decision"} if self.classes.offset.fillna(0).any() else {}),
            "recall": "recall",
            "precision": "precision",
            "f1": "F1",
            "support": "test rows",
        }
        counts = ("train_rows", "sampled_rows", "support")
        table = self.classes.head(MAX_ROWS_SHOWN)
        shown = pd.DataFrame({"class": table.index})
        for key, heading in columns.items():
            digits = 0 if key in counts else 3
            shown[heading] = ["" if pd.isna(value) else f"{value:.{digits}f}" for value in table[key]]
        decided = [f"decision: {text}" for text in self.thresholds_text if "offset" in columns]
        return to_html(shown, f"{self.dataset.name}, {self.name}: {self.headline()}", [*decided, *self.warnings])


def _rows_by_name(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of a table of numbers, with None for what is not finite; pandas takes a hundred times as long.

    >>> _rows_by_name(pd.DataFrame({"rows": [3, 1], "recall": [0.5, np.nan]}, index=["a", "b"]))
    {'a': {'rows': 3, 'recall': 0.5}, 'b': {'rows': 1, 'recall': None}}
    """
    columns = [[value if isfinite(value) else None for value in column.tolist()] for _, column in table.items()]
    rows = zip(*columns, strict=True)
    return {str(name): dict(zip(table.columns, row, strict=True)) for name, row in zip(table.index, rows, strict=True)}
