"""Tables that are read from disk, against the same tables in memory."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data import stored
from imbalance_lab.data.base import Needs
from imbalance_lab.data.columns import describe_columns
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepare
from imbalance_lab.data.sources import laying
from imbalance_lab.data.sources.files import Table
from imbalance_lab.data.sources.on_disk import OnDisk
from imbalance_lab.data.stored import StoredRows, applied
from imbalance_lab.errors import ConfigError, DataError

pytestmark = pytest.mark.filterwarnings("ignore:dataset '.*rows are read from disk")
ROWS = 1_000


def frame(rows: int = ROWS) -> pd.DataFrame:
    """Return numbers that 32 bits hold, some missing, and text."""
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(rows, 3)).astype(np.float32).astype(float), columns=["x", "y", "z"])
    made.loc[::7, "y"] = np.nan
    made["place"] = np.array(["n", "e", "s", "w"])[rng.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])]
    made["code"] = rng.integers(0, 30, rows)
    made.loc[::11, "place"] = None
    made["flag"] = rng.random(rows) < 0.5
    made["label"] = np.array(["no", "yes"])[(rng.random(rows) < 0.1).astype(int)]
    return made


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "PIECE", 64)
    monkeypatch.setattr(laying, "PIECE", 128)


@pytest.fixture(params=["parquet", "csv"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / f"table.{request.param}"
    frame().to_csv(made, index=False) if request.param == "csv" else frame().to_parquet(made)
    return made


def on_disk(file: Path, **settings: object) -> OnDisk:
    return OnDisk(path=str(file), target="label", cache=str(file.parent / "cache"), **settings)  # type: ignore[arg-type]


def in_memory(file: Path) -> Dataset:
    return Table(path=str(file), target=["label"], categorical=["code"]).load()


def test_the_rows_are_those_of_the_table_in_memory(file: Path) -> None:
    ours, theirs = on_disk(file, categorical=["code"]).load(), in_memory(file)
    assert isinstance(ours.X, StoredRows) and (ours.class_names, ours.kinds) == (theirs.class_names, theirs.kinds)
    np.testing.assert_array_equal(ours.y, theirs.y)
    pd.testing.assert_frame_equal(pd.concat(list(ours.X.pieces()), ignore_index=True), theirs.X, check_dtype=False)
    some = np.random.default_rng(1).permutation(ROWS)[:300]
    expected = theirs.take(some).reset_index(drop=True)
    pd.testing.assert_frame_equal(ours.take(some)[:], expected, check_dtype=False)
    pd.testing.assert_frame_equal(ours.take(some)[5:9], expected[5:9].reset_index(drop=True), check_dtype=False)
    assert describe_columns(ours) == describe_columns(theirs)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    "settings", [{"scale": "minmax"}, {"scale": "none"}, {"max_categories": 3}, {"impute": "mean"}]
)
def test_a_preparation_fitted_in_pieces_is_that_of_all_rows(settings: dict, native: bool, tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    frame().to_parquet(file)
    ours, theirs, how = on_disk(file, categorical=["code"]).load(), in_memory(file), Prepare(**settings)
    train, rest = np.arange(0, ROWS, 2), np.arange(1, ROWS, 2)
    pieces = how.fit(ours.take(train), ours.kinds, np.float64, native)
    whole = how.fit(theirs.take(train), theirs.kinds, np.float64, native)
    assert (pieces.levels, pieces.numeric) == (whole.levels, whole.numeric)
    for part in (train, rest):
        expected = whole(theirs.take(part))
        np.testing.assert_allclose(pieces(ours.take(part))[:], expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(pieces(theirs.take(part)), expected, rtol=1e-9, atol=1e-12)  # as a saved model does


def test_a_file_is_laid_once_and_anew_when_it_changes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = on_disk(file).load()
    with monkeypatch.context() as patched:
        patched.setattr("imbalance_lab.data.sources.on_disk.lay", lambda *given: pytest.fail("laid again"))
        assert on_disk(file, in_memory=5).load().content_hash == first.content_hash
    changed = frame().assign(x=1.5)
    changed.to_csv(file, index=False) if file.suffix == ".csv" else changed.to_parquet(file)
    assert on_disk(file).load().content_hash != first.content_hash
    assert not list((file.parent / "cache").glob("*.draft"))


def test_the_hash_is_that_of_the_rows(tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        frame().to_parquet(tmp_path / f"{name}.parquet")
        hashes.add(on_disk(tmp_path / f"{name}.parquet").load().content_hash)
    assert len(hashes) == 1
    data = on_disk(tmp_path / "one.parquet").load()
    assert Dataset("part", data.take(np.arange(9)), data.y, data.class_names, data.kinds).content_hash not in hashes


def test_stored_rows_are_pickled_as_where_they_lie(file: Path) -> None:
    data = on_disk(file).load()
    data.X.take(np.random.default_rng(0).permutation(ROWS)[:5])[:]  # opened
    copied = pickle.loads(pickle.dumps(data))
    assert len(pickle.dumps(data.X)) < 5_000
    pd.testing.assert_frame_equal(copied.X[:], data.X[:])


def test_functions_are_applied_piece_by_piece(file: Path) -> None:
    X = on_disk(file, drop=["place", "code", "flag"]).load().X.map(lambda table: table.to_numpy())
    seen = []

    def doubled(rows: np.ndarray) -> np.ndarray:
        seen.append(len(rows))
        return 2 * rows

    np.testing.assert_array_equal(applied(doubled, X), 2 * X[:])
    assert max(seen) == 64 and sum(seen) == ROWS
    assert applied(doubled, X.take(np.arange(0))).shape == (0, 3)
    assert (X.shape, X.size, X.dtype) == ((ROWS, 3), 3 * ROWS, np.float64)


def test_what_needs_its_rows_in_memory_is_refused_with_what_reads_them(tmp_path: Path) -> None:
    frame(50_000).drop(columns=["place", "flag"]).to_parquet(tmp_path / "table.parquet")
    X = on_disk(tmp_path / "table.parquet", in_memory=1).load().X.map(lambda table: table.to_numpy())
    with pytest.raises(DataError, match=r"50,000 rows in memory, 2 MB of the 1 .*sampler=keep_rare.*model=mlp"):
        X.loaded("this model")
    assert X.take(np.arange(9)).loaded("this model").shape == (9, 4)


BAD = {
    "dates": (lambda t: t.assign(day=pd.Timestamp("2024-01-31")), "holds dates.*drop="),
    "numbers and then text": (
        lambda t: t.assign(x=["low" if k == 900 else v for k, v in enumerate(t.x)]),
        "'low' in row 901",
    ),
    "an identifier": (lambda t: t.assign(who=[f"p{k}" for k in t.index]), "looks like an identifier"),
    "a count": (lambda t: t.assign(n=np.arange(len(t))), "counts the rows"),
    "one class": (lambda t: t.assign(label="no"), "nothing to tell apart"),
    "no class": (lambda t: t.assign(label=t.label.where(t.index != 700)), "missing or not finite in row 701"),
    "a quantity": (lambda t: t.assign(label=np.random.default_rng(0).random(len(t)).round(3)), "looks like a quantity"),
    "no target": (lambda t: t.drop(columns="label"), "lacks the column 'label'"),
    "no rows": (lambda t: t[:0], "has no rows"),
}


@pytest.mark.parametrize("problem", BAD)
def test_what_cannot_be_learnt_from_is_refused_in_one_line(problem: str, tmp_path: Path) -> None:
    change, message = BAD[problem]
    file = tmp_path / "table.csv"
    change(frame()).to_csv(file, index=False)
    with pytest.raises(DataError, match=message) as refusal:
        on_disk(file).load()
    assert "\n" not in str(refusal.value)
    assert not list((tmp_path / "cache").glob("table-*/"))  # nothing half done is left


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.parquet").write_bytes(b"PAR1 but no table")
    with pytest.raises(DataError, match="cannot be read as a table"):
        on_disk(tmp_path / "no.parquet").load()
    with pytest.raises(DataError, match="there is no file"):
        on_disk(tmp_path / "missing.parquet").load()


def test_a_full_disk_is_said_before_and_while_rows_are_laid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "table.parquet"
    frame().to_parquet(file)
    with monkeypatch.context() as patched:
        patched.setattr(laying.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 100})())
        with pytest.raises(DataError, match=re.escape("dataset.cache= names another folder")):
            on_disk(file).load()

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imbalance_lab.data.sources.on_disk.lay", full)
    with pytest.raises(DataError, match=r"No space left on device; dataset.cache= names"):
        on_disk(file).load()
    assert not [each for each in (tmp_path / "cache").iterdir() if each.is_dir()]


def test_a_damaged_folder_says_so(file: Path) -> None:
    on_disk(file).load()
    (folder,) = [each for each in (file.parent / "cache").iterdir() if each.is_dir()]
    (folder / laying.ROWS).write_bytes(b"1234")
    with pytest.raises(DataError, match=r"is damaged .*delete it"):
        on_disk(file).load()
    (folder / laying.META).write_text(json.dumps({}))
    with pytest.raises(DataError, match="is damaged"):
        on_disk(file).load()


def test_splits_that_go_by_a_column_need_the_table_in_memory(file: Path) -> None:
    for needs in (Needs(("place",)), Needs((), "test.csv")):
        with pytest.raises(ConfigError, match="dataset=csv"):
            on_disk(file).load_for(needs)
