"""Runs on a table that is read from disk: the numbers of the same table in memory, and less memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data import stored
from imbalance_lab.errors import DataError, Incompatible
from imbalance_lab.runs.files import read_predictions
from imbalance_lab.runs.saving import load

pytestmark = pytest.mark.filterwarnings("ignore:dataset '.*rows are read from disk", "ignore:KeepRare trains on")
ROWS = 1_500


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a table of numbers that 32 bits hold, and text."""
    rng = np.random.default_rng(0)
    y = rng.random(ROWS) < 0.1
    table = pd.DataFrame(rng.normal(size=(ROWS, 4)).astype(np.float32) + y[:, None], columns=[*"abcd"]).astype(float)
    table.loc[::9, "b"] = np.nan
    table["place"] = np.array(["n", "e", "s"])[rng.integers(0, 3, ROWS)]
    table.assign(label=np.where(y, "yes", "no")).to_parquet(tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def overrides(kind: str, file: Path, *more: str) -> list[str]:
    """Return a run on the table; ranges and scales are the same to the last bit whether all rows are seen at once."""
    data = [f"dataset={kind}", f"dataset.path={file}", "dataset.target=label", "prepare.scale=minmax"]
    cache = [f"dataset.cache={file.parent / 'cache'}"] if kind == "on_disk" else []
    return [*data, *cache, *more]


@pytest.mark.parametrize(
    "typed",
    [
        ["model=mlp"],
        ["model=mlp", "strategy=ros", "training.metric=roc_auc"],
        ["model=mlp", "sampler=balanced_batches", "representation=crt", "representation.epochs=1"],
        ["model=linear", "strategy=inv_freq", "split=cv", "split.folds=2"],
        ["model=hist_gb", "sampler=keep_rare", "sampler.rows=400", "decision=prior_correction"],
        ["model=logreg", "sampler=rus", "decision=tuned_threshold"],
    ],
    ids=" ".join,
)
def test_the_numbers_are_those_of_the_table_in_memory(typed: list[str], file: Path, tiny, run, monkeypatch) -> None:
    monkeypatch.setattr(stored, "PIECE", 100)
    theirs, ours = (run(tiny(*overrides(kind, file, *typed))) for kind in ("csv", "on_disk"))
    np.testing.assert_array_equal(ours.test.rows, theirs.test.rows)
    np.testing.assert_array_equal(ours.test.predicted, theirs.test.predicted)
    np.testing.assert_array_equal(ours.test.log_proba, theirs.test.log_proba)
    pd.testing.assert_frame_equal(ours.classes, theirs.classes)


def test_a_subset_is_said_and_known_to_the_effective_prior(file: Path, tiny, run) -> None:
    record = run(tiny(*overrides("on_disk", file, "model=hist_gb", "sampler=keep_rare", "sampler.rows=400")))
    counts, sampled = record.classes.train_rows, record.classes.sampled_rows
    assert sampled["yes"] == counts["yes"] and sampled["no"] == 400 - counts["yes"] < counts["no"]
    expected = sampled / sampled.sum()
    np.testing.assert_allclose(record.classes.effective_prior, expected)
    (said,) = [text for text in record.warnings if "KeepRare" in text]
    assert f"trains on 400 of {counts.sum():,.0f} rows" in said and "class 'no'" in said


def test_what_does_not_fit_is_refused(file: Path, tiny, run, monkeypatch) -> None:
    monkeypatch.setattr(stored.StoredRows, "size", property(lambda rows: 10**12))
    for typed in (["model=hist_gb"], ["model=mlp", "sampler=smote_nc"]):
        with pytest.raises(DataError, match="sampler=keep_rare"):
            run(tiny(*overrides("on_disk", file, *typed)))


def test_a_saved_model_takes_the_table_in_memory(file: Path, tiny, run) -> None:
    record = run(tiny(*overrides("on_disk", file, "model=logreg", "sampler=keep_rare", "save_model=true")))
    frame = pd.read_parquet(file)
    classifier = load(record.folder / "models" / "0")
    found = classifier.log_proba(frame.drop(columns="label").iloc[record.test.rows])
    np.testing.assert_allclose(found, record.test.log_proba, rtol=1e-6)
    np.testing.assert_array_equal(read_predictions(record.folder).log_proba, record.test.log_proba)


@pytest.mark.parametrize("stress", ["missing", "feature_noise"])
def test_cells_on_disk_are_not_changed(stress: str, file: Path, tiny, run) -> None:
    with pytest.raises(Incompatible, match="dataset=csv"):
        run(tiny(*overrides("on_disk", file, "model=logreg", f"stress={stress}")))
