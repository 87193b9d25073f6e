"""Train the configuration of a run on all rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imbalance_lab import process
from imbalance_lab.data.base import Needs
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.rows import Split
from imbalance_lab.data.split import as_splitter
from imbalance_lab.errors import ConfigError, DataError, reason_of
from imbalance_lab.runs.classifier import Classifier
from imbalance_lab.runs.files import read_outcome
from imbalance_lab.runs.fit import fit
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.measured import measured_of
from imbalance_lab.runs.observers import Observer
from imbalance_lab.runs.plan import make_plan
from imbalance_lab.runs.record import RunRecord
from imbalance_lab.runs.run import load
from imbalance_lab.runs.tuning.space import with_values
from imbalance_lab.runs.watch import Clock


def refit(
    run: Identity | RunRecord | str | Path, data: Dataset | None = None, observer: Observer | None = None
) -> Classifier:
    """Train what a run trained on all rows, those that it validated and tested on included.

    No rows are left over for the decision, so it is fitted on cross-validated scores of all of them; a network that
    stopped early is trained for as many epochs as the networks of the folds were on average. A stressed run is refused:
    stress is for experiments, and what it measured says nothing of a model trained on the rows as they are. A tuned run
    is not tuned again: its best settings are taken, of several folds those nearest to all others (`central`).

    Parameters
    ----------
    run : Identity, RunRecord, or folder of a finished run
    data : Dataset, optional
        The rows; by default those of the run, which are read again and must not have changed.
    observer : Observer, optional
        Shows it to a person.

    Returns
    -------
    Classifier
        Fitted; what the run measured is in its ``measured_``.

    Raises
    ------
    LabError
        What a person can put right.

    Examples
    --------
    >>> import imbalance_lab as lab
    >>> record = lab.run("four_classes", "inv_freq", "logreg")
    >>> classifier = refit(record)
    >>> int(classifier.fitted_.classes.train_rows.sum()) == len(record.dataset)
    True
    """
    identity, measured = _known(run)
    if identity.stress != "none":
        raise ConfigError(
            f"{identity.name} trained on rows that were made worse, and what it measured is not what a model trained "
            "on all rows as they are would; make the run with stress=none, and refit that"
        )
    if identity.tuning:
        if measured is None:
            raise ConfigError(f"{identity.name} has not been made: refit its record, which holds the best settings")
        identity = with_values(identity, measured["tuning"]["best"])
    with process.session():
        dataset = _rows(run, identity, data).without_rare_classes(identity.settings.min_class_rows)
        if data is None and identity.data_hash and dataset.content_hash != identity.data_hash:
            raise DataError(f"the data of '{identity.dataset}' have changed since the run was made; repeat the run")
        identity = identity.on_data(dataset.name, dataset.content_hash)
        plan = make_plan(identity, dataset)
        rows, nothing = np.arange(len(dataset)), np.arange(0)
        split = Split(rows, nothing, nothing)
        fitted, _ = fit(plan, dataset, split, 0, Clock(), observer or Observer(), lambda epoch, metrics: None)
    return Classifier.of_run(fitted, identity, dataset, measured)


def _rows(run: Any, identity: Identity, data: Dataset | None) -> Dataset:
    """Return the rows of a run, or those that are given, with the columns that its split goes by set aside."""
    if data is not None:
        needs = as_splitter(identity.options["split"].build()).needs
        return data.for_split(Needs(needs.columns))
    return run.dataset if isinstance(run, RunRecord) else load(identity.options)


def _known(run: Identity | RunRecord | str | Path) -> tuple[Identity, dict[str, Any] | None]:
    """Return what a run is, and what it measured."""
    if isinstance(run, Identity):
        return run, None
    if isinstance(run, RunRecord):
        return run.identity, run.measured()
    folder = Path(run).expanduser()
    record = read_outcome(folder)
    if record is None or record.get("outcome") != "finished":
        raise DataError(f"{folder} holds no finished run")
    try:
        identity = Identity.from_summary(record["identity"])
        return identity, measured_of(record)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the record in {folder} is damaged ({reason_of(error)}); repeat the run") from error
