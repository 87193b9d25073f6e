"""One run, top to bottom: dataset, split, stress, prepare, sample, weight, fit, decide, evaluate, record."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imbalance_lab import process
from imbalance_lab.data.checks import warn_of_copies
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Seeds, Split
from imbalance_lab.data.split import as_splitter, checked_splits
from imbalance_lab.data.stress import NoStress
from imbalance_lab.errors import AlreadyFinished, Incompatible, LabWarning
from imbalance_lab.evaluation.evaluate import evaluate
from imbalance_lab.evaluation.test_prior import at_prior
from imbalance_lab.options import Option
from imbalance_lab.runs.files import MODELS, save_models, write_record
from imbalance_lab.runs.fit import Fitted, fit, offsets
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.observers import Observer, Tracker
from imbalance_lab.runs.plan import Plan, make_plan
from imbalance_lab.runs.provenance import environment
from imbalance_lab.runs.record import FoldResult, RunRecord
from imbalance_lab.runs.summary import summarise
from imbalance_lab.runs.train import prepared_rows
from imbalance_lab.runs.tuning.trials import forget
from imbalance_lab.runs.tuning.tuner import Tuner
from imbalance_lab.runs.watch import Clock, collected_warnings, messages


def run(
    identity: Identity,
    observer: Observer | None = None,
    tracker: Tracker | None = None,
    folder: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    figures: bool = False,
    trials: Path | None = None,
) -> RunRecord:
    """Make one run and record it.

    Parameters
    ----------
    identity : Identity
        What the run is.
    observer : Observer, optional
        Shows the run to a person.
    tracker : Tracker, optional
        Follows the run, and is given its record once that is on disk.
    folder : Path, optional
        Where the record is written; a tracker needs one.
    settings : mapping, optional
        Every setting the run was given, as it is kept beside the record; by default those that identify it.
    figures : bool
        Whether figures are drawn into the folder.
    trials : Path, optional
        Where the trials of a tuned run are kept until it has ended; by default `folder`.

    Returns
    -------
    RunRecord

    Raises
    ------
    LabError
        What a person can put right.
    """
    observer, tracker = observer or Observer(), tracker or Tracker()
    with collected_warnings() as caught:
        if identity.settings.resume:
            refuse_a_second_run(identity, tracker)
        dataset = load(identity.options).without_rare_classes(identity.settings.min_class_rows)
        planned, identity = identity, identity.on_data(dataset.name, dataset.content_hash)

        def announce() -> None:
            tracker.start(planned, settings or identity.config)
            tracker.describe(identity.tags | environment(), dataset.summary())

        try:
            plan, splits = plan_and_splits(identity, dataset)
            tuner = Tuner(identity, plan, dataset, trials or folder, trials is not None) if identity.tuning else None
        except Incompatible:  # a cell of a sweep that is left out; a mistake of the caller's is no run
            announce()
            raise
        announce()
        process.settle_collector()
        if plan.learner.trains_by_loss and process.tensorflow_differs():
            text = "TensorFlow was loaded before this package, so results can differ from the command line's in their "
            warnings.warn(f"{text}last digits; set TF_ENABLE_ONEDNN_OPTS=0 before it is imported", LabWarning, 2)
        warn_of_copies(dataset.X, dataset.y, splits, dataset.content_hash)
        with tuner or nullcontext():
            folds = [
                run_fold(plan, dataset, split, fold, observer, tracker, len(splits) == 1, tuner)
                for fold, split in enumerate(splits)
            ]
        record = summarise(identity, dict(settings or identity.config), dataset, plan, folds, messages(caught))
    if folder is None:
        observer.result(record, None)
        return record
    record = replace(record, folder=folder)
    if figures:
        from imbalance_lab.evaluation import plots

        plots.save(record.figures(), folder / "figures")
    if identity.settings.save_model:
        save_models(record, folder / MODELS)
    summary = write_record(record, folder)
    forget(identity, trials or folder)
    try:
        observer.result(record, tracker.where)
    finally:
        tracker.finish(summary, folder)
    return record


def plan_and_splits(identity: Identity, dataset: Dataset) -> tuple[Plan, list[Split]]:
    """Return the objects of a run and the rows of its folds, checked against each other."""
    plan = make_plan(identity, dataset)
    splits = checked_splits(plan.split, dataset)
    for split in splits:
        plan.stress.check(dataset, split)
    return plan, splits


def load(options: Mapping[str, Option]) -> Dataset:
    """Return the data with what their split needs set aside, read anew only if the run before was of others.

    Parameters
    ----------
    options : mapping of group to Option
        Of a run; those of the groups ``dataset`` and ``split`` count.
    """
    source, needs = options["dataset"].build(), as_splitter(options["split"].build()).needs
    make = source.for_split if isinstance(source, Dataset) else source.load_for
    key = (source, needs, _stamp(getattr(source, "path", None)), _stamp(needs.test_path))
    return process.cached("data", 1, key, partial(make, needs))


def _stamp(path: Any) -> tuple[int, int] | None:
    """Return when a file was changed, and its size; None where there is none."""
    file = Path(path).expanduser() if isinstance(path, str) else None
    return (file.stat().st_mtime_ns, file.stat().st_size) if file is not None and file.is_file() else None


def refuse_a_second_run(identity: Identity, tracker: Tracker) -> int:
    """Refuse a run that has ended well before, or that another process is making.

    Returns
    -------
    int
        How many finished runs of other versions there are.

    Raises
    ------
    AlreadyFinished
    """
    data = load(identity.options).without_rare_classes(identity.settings.min_class_rows)
    if not tracker.claim(identity.on_data(identity.dataset, data.content_hash)):
        raise AlreadyFinished(f"another process is making {identity.name} on {identity.dataset}")
    if data.content_hash in tracker.finished_on(identity):
        raise AlreadyFinished(f"{identity.name} on {identity.dataset} has finished before; resume=false runs it again")
    # Of a sweep the first run that is missing says so.
    return process.cached(
        "runs of other versions", 8, identity.dataset, lambda: _note_other_versions(identity, tracker)
    )


def _note_other_versions(identity: Identity, tracker: Tracker) -> int:
    """Return how many finished runs of other versions there are, which are not counted, with a warning."""
    count = tracker.finished_by_other_versions(identity)
    if count:
        runs = "1 finished run" if count == 1 else f"{count} finished runs"
        text = (
            f"resume=true counts runs of version {identity.version}, not {runs} of other versions on {identity.dataset}"
        )
        warnings.warn(text, LabWarning, stacklevel=2)
    return count


def run_fold(
    plan: Plan,
    dataset: Dataset,
    split: Split,
    fold: int,
    observer: Observer,
    tracker: Tracker,
    alone: bool,
    tuner: Tuner | None = None,
) -> FoldResult:
    """Run one fold. Everything is fitted on training rows, the decision on validation rows; test rows are read last."""
    clock = Clock()

    def on_epoch(epoch: int, metrics: Mapping[str, float]) -> None:
        shown = {key: value for key, value in metrics.items() if not key.startswith("val/predicted_count/")}
        tracker.epoch(None if alone else fold, epoch, shown)

    stressed = plan.stress.on(dataset, split, Seeds.spawn(plan.seed, fold).stress)
    tuned = None
    if tuner is not None:
        with clock("tune"):
            plan, tuned = tuner(stressed.dataset, stressed.split, fold, observer)
    fitted, validation = fit(plan, stressed.dataset, stressed.split, fold, clock, observer, on_epoch)
    with clock("evaluate"):
        rows = test_rows(plan, dataset, split, fold)
        scores = fitted.scores(prepared_rows(fitted.prepare, dataset, rows))
        applied = _applied(fitted, scores, dataset, stressed.dataset is dataset)
        test = applied.predictions(rows, dataset.targets[rows], scores)
        bins = plan.evaluation.calibration_bins if plan.learner.gives_probabilities else None
        metrics = evaluate(test, fitted.priors, dataset.tasks, dataset.labels, bins, plan.evaluation.metrics)
    report = None if isinstance(plan.stress, NoStress) else stressed.report(dataset, split)
    return FoldResult(fitted, applied, validation, test, metrics, clock.seconds, report, tuned)


def _applied(fitted: Fitted, scores: np.ndarray, dataset: Dataset, known: bool) -> Fitted:
    """Return what was fitted with the rules that decide the rows of these scores; `known`: fitted on the same data."""
    rules = [rule.on(scores[:, t]) for t, rule in enumerate(fitted.rules)]
    if known and all(rule is before for rule, before in zip(rules, fitted.rules, strict=True)):
        return fitted
    return replace(fitted, rules=rules, classes=fitted.classes.assign(offset=offsets(rules, dataset)))


def test_rows(plan: Plan, dataset: Dataset, split: Split, fold: int) -> np.ndarray:
    """Return the rows that are tested: all of the split's, or those drawn for other class shares."""
    prior = plan.evaluation.test_prior
    if prior is None:
        return split.test
    return at_prior(split.test, dataset.y[split.test], prior, Seeds.spawn(plan.seed, fold).test_rows)
