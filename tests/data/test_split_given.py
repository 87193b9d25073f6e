"""Splits that somebody has made before, and splitters of scikit-learn."""

from __future__ import annotations

import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, ShuffleSplit, StratifiedKFold

import imbalance_lab as lab
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import Custom, File, as_splitter, checked_splits
from imbalance_lab.errors import ConfigError, DataError, LabWarning
from imbalance_lab.options import Option, option
from imbalance_lab.runs.run import load
from imbalance_lab.runs.spec import specify
from tests.conftest import invoke, records
from tests.data.test_split import of


def table(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=rows).round(6), "colour": rng.choice(["red", "blue"], rows)})
    frame["patient"] = [f"P{k // 3:02d}" for k in range(rows)]
    return frame.assign(label=np.where(np.arange(rows) % 4 == 0, "ill", "well"))


def loaded(split: Option | str, path: str = "train.csv", **settings) -> Dataset:
    """Read a table of the current folder as a run with this split does."""
    data = option("dataset", "csv", path=path, target="label", **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        return load(specify(data, split=split).options)


def of_file(**settings) -> Option:
    return option("split", "file", **settings)


TEST_FILE = of_file(test_path="test.csv")


def with_parts(words: list) -> Dataset:
    data = of(np.arange(len(words)) % 2)
    return Dataset("data", data.X, data.y, data.class_names, {}, aside={"use": pd.Series(words)})


def test_a_column_says_what_each_row_is_for() -> None:
    words = ["train", "Training ", "test", "TEST", "val", "valid", "train", "train", "validation", "dev"]
    (split,) = File(part="use").split(with_parts(words))
    assert [part.tolist() for part in split] == [[0, 1, 6, 7], [4, 5, 8, 9], [2, 3]]


def test_validation_rows_are_training_rows_where_the_column_names_none() -> None:
    data = with_parts(["train"] * 40 + ["test"] * 10)
    (split,) = checked_splits(File(part="use", validation=0.25), data)
    assert split.test.tolist() == list(range(40, 50))
    assert [np.bincount(data.y[part]).tolist() for part in split] == [[15, 15], [5, 5], [5, 5]]
    (again,) = File(part="use", validation=0.25).split(data)
    np.testing.assert_array_equal(split.validation, again.validation)
    (none,) = File(part="use", validation=0).split(data)
    assert len(none.validation) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["train", "holdout", "test", None],
            "says 'holdout', nothing in 2 of 4 rows, first in row 2; it can say train, va",
        ),
        (["train"] * 4, "says test in no row"),
        (["test"] * 4, "says train in no row"),
        ([0, 1, 0, 1], "says '0', '1' in 4 of 4 rows"),
    ],
)
def test_other_words_are_refused(words: list, message: str) -> None:
    with pytest.raises(DataError, match=f"split.part=use {message}"):
        checked_splits(File(part="use"), with_parts(words))


@pytest.mark.parametrize("given", [{}, {"test_path": "a.csv", "part": "use"}])
def test_a_file_or_a_column_is_given(given: dict) -> None:
    with pytest.raises(ConfigError, match=r"split: needs split.test_path= or split.part=, one of them"):
        of_file(**given).build()


def test_the_rows_of_a_second_file_are_the_test_rows() -> None:
    whole = table()
    whole[:40].to_csv("train.csv", index=False)
    whole[40:].iloc[:, ::-1].assign(more=1).to_csv("test.csv", index=False)  # columns in any order, and a further one
    whole.to_csv("whole.csv", index=False)
    data, joined = loaded(TEST_FILE), loaded("holdout", "whole.csv")
    pd.testing.assert_frame_equal(data.X, joined.X)
    np.testing.assert_array_equal(data.y, joined.y)
    (split,) = checked_splits(File(test_path="test.csv", validation=0.2), data)
    assert split.test.tolist() == list(range(40, 60))
    assert sorted([*split.train, *split.validation]) == list(range(40))


def test_the_hash_covers_both_files_and_which_rows_are_of_which() -> None:
    whole = table()
    hashes = []
    for cut, value in ((40, 0.5), (41, 0.5), (40, 0.75)):
        whole.loc[59, "x"] = value
        whole[:cut].to_csv("train.csv", index=False)
        whole[cut:].to_csv("test.csv", index=False)
        hashes.append(loaded(TEST_FILE).content_hash)
    whole.to_csv("whole.csv", index=False)
    assert len({*hashes, loaded("holdout", "whole.csv").content_hash}) == 4


def test_the_second_file_is_read_as_the_first() -> None:
    """Its rows alone would let a comma pass for a thousands separator, and 7 for a number where the first has codes."""
    whole = table().assign(code=["07"] * 60)
    text = whole.assign(x=[f"{x:.6f}".replace(".", ",") for x in whole.x])
    text[:40].to_csv("train.csv", index=False, sep=";")
    text[40:].assign(x="1,234").to_csv("test.csv", index=False, sep=";")
    data = loaded(TEST_FILE, categorical=["code"])
    assert data.kinds["x"] == "numeric" and data.X.x[40:].unique().tolist() == [1.234]
    assert data.X.code.unique().tolist() == ["07"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": None}, "test.csv lacks 'x' of train.csv$"),
        ({"x": None, "colour": None, "xx": 1}, "test.csv lacks 'x', 'colour' of train.csv; is it 'xx' there?"),
        (
            {"x": ["?", *"abcdefghi", *[1] * 10]},
            r"'x' holds text and that of train.csv numbers: 'a' in row 2, 'b' in ro",
        ),
        ({"colour": 7}, "column 'colour' holds numbers and that of train.csv text: '7' in row 1"),
        (
            {"label": ["dead", *["ill"] * 19]},
            r"the target 'label' is 'dead' in row 1 \(1 of 20 rows\), which no row of t",
        ),
        ({"label": [None, *["ill"] * 19]}, "test.csv: the target 'label' is missing"),
    ],
)
def test_a_second_file_of_another_kind_is_refused_by_name(changed: dict, message: str) -> None:
    whole = table()
    whole[:40].to_csv("train.csv", index=False)
    test = whole[40:].assign(**{key: value for key, value in changed.items() if value is not None})
    test.drop(columns=[key for key, value in changed.items() if value is None]).to_csv("test.csv", index=False)
    with pytest.raises(DataError, match=message):
        loaded(TEST_FILE)


def test_other_separators_and_empty_files_are_refused() -> None:
    table()[:40].to_csv("train.csv", index=False)
    table()[40:].to_csv("test.csv", index=False, sep=";")
    with pytest.raises(
        DataError, match=r"test.csv lacks .*: it was read as the one column 'x;colour;patient;label', with"
    ):
        loaded(TEST_FILE)
    table()[:0].to_csv("test.csv", index=False)
    with pytest.raises(DataError, match=r"test.csv has no rows"):
        loaded(TEST_FILE)
    with pytest.raises(DataError, match=r"split.test_path=train.csv is the file that is trained on"):
        loaded(of_file(test_path="train.csv"))
    with pytest.raises(DataError, match=r"there is no file nothing.csv"):
        loaded(of_file(test_path="nothing.csv"))


def test_what_is_dropped_may_be_missing_and_may_be_split_by() -> None:
    whole = table()
    whole[:45].to_csv("train.csv", index=False)
    whole[45:].drop(columns="patient").to_csv("test.csv", index=False)
    assert list(loaded(TEST_FILE, drop=["patient"]).kinds) == ["x", "colour"]
    whole[45:].to_csv("test.csv", index=False)
    data = loaded(of_file(test_path="test.csv", groups="patient"), drop=["patient"])
    assert list(data.kinds) == ["x", "colour"]
    (split,) = checked_splits(File(test_path="test.csv", groups="patient"), data)
    patients = [set(data.aside["patient"].iloc[part]) for part in split]
    assert not (patients[0] & patients[1] or patients[0] & patients[2] or patients[1] & patients[2])


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (option("split", "group", groups="patiant"), "train.csv has no column 'patiant'; did you mean 'patient'?"),
        (option("split", "time", order="when"), "train.csv has no column 'when'; it has 'x', 'colour'"),
        (option("split", "group", groups="label"), "the column 'label' is the target"),
    ],
)
def test_columns_that_are_not_there_are_named(split, message: str) -> None:
    table().to_csv("train.csv", index=False)
    with pytest.raises(DataError, match=message.replace("?", r"\?")):
        loaded(split)


def test_other_data_have_no_second_file() -> None:
    with pytest.raises(ConfigError, match=r"split.test_path= goes with a table.* 'four_classes' is none"):
        load(specify("four_classes", split=TEST_FILE).options)


@pytest.mark.parametrize(
    ("splitter", "groups"),
    [(KFold(3), None), (StratifiedKFold(4, shuffle=True, random_state=1), None), (GroupKFold(5), "groups")],
)
def test_splitters_of_scikit_learn_give_their_rows(splitter, groups) -> None:
    frame = table()
    data = Dataset.from_arrays(frame[["x"]], frame.label, groups=frame.patient)
    ours = checked_splits(Custom(splitter, groups=groups, validation=0.25), data)
    for split, (train, test) in zip(ours, splitter.split(data.X, data.y, groups and frame.patient), strict=True):
        np.testing.assert_array_equal(split.test, test)
        np.testing.assert_array_equal(np.sort([*split.train, *split.validation]), train)
        crossing = set(frame.patient[split.train]) & set(frame.patient[split.validation])
        assert bool(crossing) == (groups is None)


class Halves:
    """Gets the dataset, and gives training and test rows, or validation rows too."""

    def __init__(self, *more) -> None:
        self.more = more

    def split(self, data):
        rows = np.arange(len(data))
        yield rows[::2], *self.more, rows[1::2]


class OfTwo:
    def split(self, X, y):
        yield np.flatnonzero(np.asarray(y).ravel() >= 0)[::2], np.arange(1, len(X), 2)


@pytest.mark.parametrize(("splitter", "validation"), [(Halves(), 6), (Halves([]), 0), (OfTwo(), 6)])
def test_a_plain_class_may_take_the_dataset_or_rows_and_classes(splitter, validation: int) -> None:
    frame = table()
    data = Dataset.from_arrays(frame[["x"]], frame.label)
    (split,) = Custom(splitter, validation=0.2).split(data)
    assert split.test.tolist() == list(range(1, len(frame), 2))
    assert len(split.validation) == validation


def test_a_class_without_a_splits_settings_is_told_where_it_goes(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "plain.py").write_text("class Halves:\n    def split(self, data):\n        yield [0, 2], [1, 3]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"it is given .*test.*; .* split=custom split.splitter._target_=plain.Halves"
    ):
        option("split", "holdout", **{"_target_": "plain.Halves"}).build()


class Leaky:
    """Tests on every second training row."""

    def split(self, X, y, groups=None):
        rows = np.arange(len(X))
        yield rows, rows[::2]


@pytest.mark.parametrize(
    ("splitter", "message"),
    [
        (Leaky(), "split=Leaky is refused: .* of its 30 test rows are training rows as well"),
        (ShuffleSplit(1, random_state=0), "split=ShuffleSplit is refused: .*of split.groups=groups, such as 'P"),
        (KFold(100), "split=KFold cannot split the data: Cannot have number of splits n_splits=100 greater"),
    ],
)
def test_a_splitter_that_leaks_or_fails_is_refused(splitter, message: str) -> None:
    frame = table()
    data = Dataset.from_arrays(frame[["x"]], frame.label, groups=frame.patient)
    with pytest.raises(DataError, match=message):
        checked_splits(Custom(splitter, groups="groups" if isinstance(splitter, ShuffleSplit) else None), data)


def test_a_splitter_without_the_groups_it_needs_says_which_setting_names_them() -> None:
    with pytest.raises(DataError, match=r"GroupShuffleSplit cannot split the data: .*name a column by split.groups="):
        checked_splits(Custom(GroupShuffleSplit(1)), of(np.arange(20) % 2))


def test_what_is_no_splitter_is_refused() -> None:
    assert isinstance(as_splitter(KFold(2)), Custom)
    with pytest.raises(ConfigError, match="split is int, which has no split"):
        as_splitter(5)


def test_copies_of_training_rows_are_counted_whatever_the_split() -> None:
    frame = table(120).assign(use=["train"] * 100 + ["test"] * 20)
    frame.loc[[110, 111], ["x", "colour", "label"]] = frame.loc[[0, 1], ["x", "colour", "label"]].to_numpy()
    data = lab.Dataset.from_frame(frame.drop(columns="patient"), target="label")
    record = lab.run(data, model="logreg", split=lab.option("split", "file", part="use", validation=0))
    assert any(text.startswith("2 of 20 test rows are exact copies of training rows") for text in record.warnings)


def test_all_of_it_from_python() -> None:
    frame = table(120)
    data = lab.Dataset.from_frame(frame, target="label")
    record = lab.run(data, model="logreg", split=lab.option("split", "group", groups="patient"))
    assert list(record.dataset.kinds) == ["x", "colour"]
    parts = [set(frame.patient[rows]) for rows in (record.folds[0].validation.rows, record.folds[0].test.rows)]
    assert not parts[0] & parts[1]
    assert record.summary()["dataset"]["split_by"] == ["patient"]
    arrays = lab.Dataset.from_arrays(frame[["x", "colour"]], frame.label, groups=frame.patient, order=range(120))
    again = lab.run(arrays, model="logreg", split=lab.option("split", "group", groups="groups"))
    np.testing.assert_array_equal(again.test.log_proba, record.test.log_proba)
    later = lab.run(arrays, model="logreg", split=lab.option("split", "time", order="order"))
    assert later.test.rows.tolist() == list(range(96, 120))
    own = lab.run(arrays, model="logreg", split=lab.option("split", "custom", splitter=GroupKFold(3), groups="groups"))
    assert sorted(own.test.rows) == list(range(120))
    with pytest.raises(DataError, match="has no column 'patent' to split by; did you mean 'patient'"):
        lab.run(data, model="logreg", split=lab.option("split", "group", groups="patent"))
    with pytest.raises(DataError, match="groups has 3 values and y has 120"):
        lab.Dataset.from_arrays(frame[["x"]], frame.label, groups=[1, 2, 3])


def test_what_is_dropped_as_an_identifier_may_be_split_by() -> None:
    frame = table(120).assign(visit=range(120))
    with pytest.raises(DataError, match="'visit' counts the rows"):
        lab.Dataset.from_frame(frame, "label")
    data = lab.Dataset.from_frame(frame, "label", drop=["visit", "patient"])
    record = lab.run(data, model="logreg", split=lab.option("split", "time", order="visit"))
    assert record.test.rows.tolist() == list(range(96, 120))
    assert record.dataset.summary()["features"] == {"x": "numeric", "colour": "categorical"}
    whole = lab.Dataset.from_frame(frame.drop(columns=["visit", "patient"]), "label")
    assert data.content_hash == whole.content_hash


def test_classes_left_out_take_their_groups_with_them() -> None:
    frame = table(120)
    frame.loc[:2, "label"] = "unknown"
    data = lab.Dataset.from_frame(frame, target="label")
    split = lab.option("split", "group_cv", groups="patient", folds=3)
    record = lab.run(data, model="logreg", split=split, min_class_rows=5)
    assert len(record.dataset.aside["patient"]) == 117
    assert sorted(record.test.rows) == list(range(117))


def test_validation_rows_of_a_classifier_are_of_other_groups(monkeypatch) -> None:
    from imbalance_lab.runs import classifier

    frame, seen = table(300), []
    fit = classifier.fit
    monkeypatch.setattr(
        classifier, "fit", lambda plan, data, split, *rest: seen.append(split) or fit(plan, data, split, *rest)
    )
    lab.Classifier("tuned_threshold", "logreg").fit(frame[["x", "colour"]], frame.label, groups=frame.patient)
    (split,) = seen
    assert len(split.validation)
    assert not set(frame.patient[split.train]) & set(frame.patient[split.validation])


def test_from_the_command_line(tmp_path, store) -> None:
    frame = table(120).assign(day=pd.date_range("2020-01-01", periods=120).strftime("%d.%m.%Y"))
    frame.to_csv("t.csv", index=False)
    quick = ["t.csv", "target=label", "model=logreg", "evaluation.figures=false"]
    assert invoke(*quick, "split=time", "split.order=day", "dataset.drop=[patient]") == 0
    (record,) = records(tmp_path)
    assert record["dataset"]["split_by"] == ["day"] and "day" not in record["dataset"]["features"]
    missing = invoke("-m", *quick, "strategy=none,ros", "split=group", "split.groups=patiant")
    assert "no column 'patiant'; did you mean 'patient'?" in str(missing)
    assert len(records(tmp_path)) == 1
    custom = ["split=custom", "split.splitter._target_=sklearn.model_selection.KFold", "+split.splitter.n_splits=7"]
    assert "split=KFold is refused" in str(invoke(*quick, *custom, "split.groups=patient"))
    with sqlite3.connect(store) as database:
        assert {status for (status,) in database.execute("select status from runs")} == {
            "FINISHED"
        }  # a mistake is no run
