"""From labelled rows to a recommended strategy and model, and the model trained on all rows."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from imbalance_lab import process
from imbalance_lab.comparison import Comparison, Settings
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.errors import ConfigError, LabWarning
from imbalance_lab.evaluation.metrics import HEADLINE, METRICS, find
from imbalance_lab.evaluation.metrics.aliases import did_you_mean
from imbalance_lab.options import Option, describe, option
from imbalance_lab.recommendation import state
from imbalance_lab.recommendation.advice import answered, choose
from imbalance_lab.recommendation.budget import progress_bar, seconds_of
from imbalance_lab.recommendation.columns import without
from imbalance_lab.recommendation.evidence import imbalance_of
from imbalance_lab.recommendation.facts import Facts, look_at
from imbalance_lab.recommendation.panel import Candidate, Panel, panel_for
from imbalance_lab.recommendation.rounds import add_rounds
from imbalance_lab.recommendation.splits import split_by
from imbalance_lab.recommendation.trial import Trial
from imbalance_lab.runs.classifier import Classifier
from imbalance_lab.runs.refit import refit
from imbalance_lab.runs.run import load
from imbalance_lab.runs.spec import specify

BUDGET = "3m"
REPORT, MODEL, RUNS = "report.html", "model", "runs"
FOLDS_OF = {"cv": "folds", "group_cv": "folds of whole groups", "time_cv": "folds, each later than what it trains on,"}


@dataclass(frozen=True, repr=False)
class Recommendation:
    """What to use on a table, why, and the model.

    Parameters
    ----------
    facts : Facts
        What was seen of the table.
    comparison : Comparison
        Of all that was tried: its report, its tables, its verdict at the last look.
    candidates : DataFrame
        A row per candidate, best first: ``mean`` over ``folds``, what is ``expected`` of it given that and other sets,
        the ``verdict`` against the control, and the ``contender`` that it is in the comparison.
    strategy, model : str
        What is recommended.
    beats_control : bool
        Whether it is shown to be better than plain training with tuned thresholds.
    control : str
        That, as the comparison calls it.
    reason : str
        Why, in a sentence or two.
    rounds : int
        Whole rounds of cross-validation.
    stopped : str
        Why there were no more.
    classifier : Classifier
        The recommended one, trained on all rows.
    folder : Path or None
        Where report and model are.
    """

    facts: Facts
    comparison: Comparison
    candidates: pd.DataFrame
    strategy: str
    model: str
    beats_control: bool
    control: str
    reason: str
    rounds: int
    stopped: str
    classifier: Classifier
    folder: Path | None = None

    @property
    def name(self) -> str:
        """What is recommended, as the comparison calls it."""
        return f"{self.strategy} {self.model}"

    @property
    def verdict(self) -> str:
        """What is shown, what is recommended and why."""
        return self.comparison.compared[0].answer.text

    def __repr__(self) -> str:
        return "\n".join([*self.facts.lines(), self.verdict])


def recommend(
    data: Dataset | Option | str,
    *,
    budget: str | float = BUDGET,
    metric: str = HEADLINE,
    strategies: Sequence[Any] | None = None,
    models: Sequence[Any] | None = None,
    groups: str | None = None,
    order: str | None = None,
    identifiers: bool = False,
    rope: float = 0.01,
    confidence: float = 0.95,
    jobs: int = -1,
    folder: str | Path | None = None,
    progress: bool = True,
    report: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> Recommendation:
    """Look at a table, try what suits it, and train what is recommended on all rows.

    Rounds of stratified cross-validation, each with other folds, are added until the comparison with the control (plain
    training with tuned thresholds) is decided, or the budget is spent. The error rate of all looks at it together, over
    all candidates that were tried, is ``1 - confidence`` (`recommendation.looks`); candidates that are in all
    likelihood not the best are not run any further.

    What is recommended is the simplest candidate of which no more than a fifth of `rope` less is expected than of the
    best: what is expected takes the table's own results and those on other sets for as much as they are worth
    (`recommendation.evidence`). That something is recommended does not mean that it is shown to be better than the
    control; `Recommendation.beats_control` says whether it is.

    Parameters
    ----------
    data : Dataset, Option or str
        Rows of one's own (`Dataset.from_frame`), or an option of the group ``dataset``.
    budget : str or float
        For the rounds, as ``90s``, ``10m`` or ``2h``; training on all rows comes after. The first two runs, plain
        training and the control, are made whatever they take.
    metric : str
        What is compared.
    strategies, models : sequence, optional
        In the place of those chosen for the table.
    groups : str, optional
        A column whose rows of one value stay together, as those of a patient; it is no feature.
    order : str, optional
        A column of dates or numbers that says which row is later; it is no feature. Each fold then tests the rows
        after those it trains on, and there is one round, as nothing is drawn.
    identifiers : bool
        Whether columns that look like identifiers are features. By default they are not: the numbers of new rows are
        others than any that were trained on.
    rope : float
        Smaller differences do not matter.
    confidence : float
        Of the verdict.
    jobs : int
        Runs at once; -1 is one per core.
    folder : str or Path, optional
        Where runs, report and model are left, and where a later call goes on.
    progress : bool
        Whether a bar shows how far it is.
    report : callable
        Given each line on what was seen, as soon as it is known.
    **settings
        Of each run: ``prepare``, ``training``, ``min_class_rows``.

    Raises
    ------
    LabError
        What a person can put right.

    Examples
    --------
    >>> found = recommend("four_classes", models=["logreg"], budget="2s", jobs=1, progress=False)
    >>> found.model, "none logreg" in found.candidates.index, found.classifier.classes_.tolist()
    ('logreg', True, ['A', 'B', 'C', 'D'])
    """
    seconds = seconds_of(budget)
    wanted = _settings(metric, rope, confidence)
    to = None if folder is None else Path(folder).expanduser()
    with process.session():
        source = option("dataset", data) if isinstance(data, str) else data
        split, fewest = split_by(groups, order), settings.get("min_class_rows", 0)
        rows = load(specify(source, split=split).options).without_rare_classes(fewest)
        facts = look_at(rows)
        if not identifiers:
            source, rows, facts = _without_identifiers(source, rows, facts, split, fewest)
        panel = panel_for(rows, strategies, models, metric, split)
        known = {} if to is None else state.opened(to, rows.name, rows.content_hash)
        for line in facts.lines():
            report(line)
        report(_plan(panel, budget))
        trial = Trial(source, panel, None if to is None else to / RUNS, seconds, jobs, settings)
        with progress_bar(seconds, progress) as bar:
            last = add_rounds(trial, wanted, known.get("looks", []), bar)
        if to is not None:
            state.write(to, {**known, "data": rows.name, "data_hash": rows.content_hash, "looks": last.looks})
        chosen = choose(last, panel, wanted, imbalance_of(rows.imbalance_ratio))
        report(f"training {chosen.candidate.name} on all {len(rows):,} rows")
        classifier = _refitted(trial, chosen.candidate, rows)
    made = Recommendation(
        facts, answered(last, chosen), chosen.table, *chosen.candidate.titles,
        chosen.beats, last.held.control, chosen.reason, last.rounds, last.stopped, classifier, to,
    )  # fmt: skip
    if to is not None:
        _leave(made, to, {**known, "data": rows.name, "data_hash": rows.content_hash, "looks": last.looks})
    return made


def _settings(metric: str, rope: float, confidence: float) -> Settings:
    if find(metric) is None:
        raise ConfigError(f"there is no metric '{metric}'{did_you_mean(metric, METRICS)}")
    try:
        return Settings(metric=metric, rope=rope, confidence=confidence)
    except ValidationError as error:
        raise ConfigError("; ".join(describe("", detail) for detail in error.errors())) from error


def _without_identifiers(
    source: Dataset | Option, rows: Dataset, facts: Facts, split: Option, fewest: int
) -> tuple[Dataset | Option, Dataset, Facts]:
    """Return them without the columns that look like identifiers, if other columns are left."""
    less = without(source, facts.identifiers)
    if less is source or len(facts.identifiers) == len(rows.kinds):
        return source, rows, facts
    with warnings.catch_warnings():  # which were shown as the table was read first
        warnings.simplefilter("ignore", LabWarning)
        rows = load(specify(less, split=split).options).without_rare_classes(fewest)
    return less, rows, replace(facts, left_out=facts.identifiers)


def _plan(panel: Panel, budget: str | float) -> str:
    by_model: dict[str, list[str]] = {}
    for candidate in panel.candidates:
        by_model.setdefault(candidate.titles[1], []).append(candidate.titles[0])
    tried = "; ".join(f"{model} with {', '.join(names)}" for model, names in by_model.items())
    number = f"at most {panel.rounds} rounds" if panel.rounds > 1 else "one round"
    rounds = f"{number} of {panel.folds} {FOLDS_OF[panel.split.name]} within {budget}"
    return f"Trying {len(panel.candidates)} candidates: {tried}. {rounds[0].upper()}{rounds[1:]}."


def _refitted(trial: Trial, candidate: Candidate, rows: Dataset) -> Classifier:
    """Train a candidate on all rows; what its first round measured goes onto its card."""
    identity = trial.identity(candidate, 0)
    if trial.folder is None:
        return refit(identity, rows)
    return refit(trial.folder / f"{identity.config_hash}-{rows.content_hash[:8]}", rows)


def predict_line(folder: Path) -> str:
    """Return what is typed to predict with the model in a recommendation's folder."""
    return f"python -m imbalance_lab predict new.csv model={shlex.quote(str(folder / MODEL))} out=predictions.csv"


def _leave(made: Recommendation, folder: Path, known: dict[str, Any]) -> None:
    """Write the report and the model, then that they are there."""
    made.classifier.save(folder / MODEL)
    page = replace(made.comparison, notes=[*made.facts.about(), *made.facts.notes(), *made.comparison.notes])
    then = f"To predict with it:\n{predict_line(folder)}"
    (folder / REPORT).write_text(page.to_html(then), encoding="utf-8")
    made.candidates.to_csv(folder / "candidates.csv", index_label="candidate")
    content = {"recommended": made.name, "control": made.control, "beats_control": made.beats_control}
    state.write(folder, {**known, **content, "verdict": made.verdict, "rounds": made.rounds, "stopped": made.stopped})
