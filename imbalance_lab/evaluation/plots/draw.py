"""All figures of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from imbalance_lab.evaluation.metrics import HEADLINE
from imbalance_lab.evaluation.plots.canvas import STYLE, entitle
from imbalance_lab.evaluation.plots.confusion import draw_confusion
from imbalance_lab.evaluation.plots.decision_curve import draw_decision_curve
from imbalance_lab.evaluation.plots.epochs import draw_epochs
from imbalance_lab.evaluation.plots.palette import shortened, styles
from imbalance_lab.evaluation.plots.precision_recall import draw_precision_recall
from imbalance_lab.evaluation.plots.recall import draw_recall
from imbalance_lab.evaluation.plots.reliability import draw_reliability
from imbalance_lab.evaluation.predictions import Predictions, join

MOST_LABELS_DRAWN = 5
LONGEST_TITLE = 105


@dataclass(frozen=True)
class Subject:
    """The run that is drawn.

    Parameters
    ----------
    dataset : str
    name : str
        Strategy, model and seed.
    tasks : sequence of sequence of str
        Class names of each task; of many labels the first few are drawn.
    test, validation : sequence of Predictions
        Of each fold.
    classes : DataFrame
        One row per class, with ``train_rows``, ``recall``, ``low``, ``high`` and ``support``, where the decision adds
        offsets ``offset`` too; the index is the class name.
    metrics : mapping
        The run's metrics by name.
    interval : sequence of float
        Ends of that of its balanced accuracy.
    history : DataFrame or None
        One row per fold and epoch.
    """

    dataset: str
    name: str
    tasks: Sequence[Sequence[str]]
    test: Sequence[Predictions]
    validation: Sequence[Predictions]
    classes: pd.DataFrame
    metrics: Mapping[str, float]
    interval: Sequence[float]
    history: pd.DataFrame | None = None

    @property
    def title(self) -> str:
        """Dataset, strategy, model, seed, and what it was tested on."""
        rows, folds = sum(len(part.rows) for part in self.test), len(self.test)
        tested = f"{rows:,} test rows" + (f" of {folds} folds" if folds > 1 else "")
        room = LONGEST_TITLE - len(tested) - 2
        return f"{shortened([f'{self.dataset}, {self.name}'], room)[0]}, {tested}"


@rc_context(STYLE)
def draw(subject: Subject) -> dict[str, Figure]:
    """Return the run's figures by file name; scores that are no probabilities have no reliability.

    A decision curve is drawn of two classes where a net benefit was asked for.
    """
    test, metrics = join(subject.test), subject.metrics
    by_name = styles(subject.classes, subject.tasks)
    low, high = subject.interval
    headline = f"balanced accuracy {metrics[HEADLINE]:.3f} [{low:.3f}, {high:.3f}]"
    figures = {"recall_per_class": draw_recall(subject.classes, test, subject.tasks, by_name, headline)}
    several = len(subject.tasks) > 1
    for part, names in list(zip(test.tasks(), subject.tasks, strict=True))[:MOST_LABELS_DRAWN]:
        suffix = f"_{re.sub(r'[^A-Za-z0-9_-]', '_', names[1])}" if several else ""
        table = subject.classes.loc[list(names)]
        ends = f"/{names[1]}" if several else ""
        figures |= {
            f"confusion_matrix{suffix}": draw_confusion(part, table, metrics.get(f"{HEADLINE}{ends}")),
            f"precision_recall{suffix}": draw_precision_recall(part, table, by_name, metrics),
        }
        if "ece" in metrics:
            figures[f"reliability{suffix}"] = draw_reliability(part, table, by_name, metrics.get(f"ece{ends}"))
        if len(names) == 2 and any(key.startswith("net_benefit_") for key in metrics):
            figures[f"decision_curve{suffix}"] = draw_decision_curve(part, table, by_name)
    if subject.history is not None:
        figures["epochs"] = draw_epochs(subject.history, subject.validation, subject.classes, by_name)
    for figure in figures.values():
        entitle(figure, str(figure.get_label()), subject.title)
    return figures
