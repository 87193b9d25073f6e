from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hydra.errors import HydraException

from imbalance_lab.app.config import compose
from imbalance_lab.data.base import DatasetSource, Splitter
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepare
from imbalance_lab.data.sources.files import Table
from imbalance_lab.errors import DataError
from imbalance_lab.options import load, names, option

FRAME = pd.DataFrame(
    {
        "age": np.linspace(20, 60, 40),
        "colour": ["red", "green", None, "blue"] * 10,
        "code": pd.Categorical([1, 2, 3, 4] * 10),
        "member": [True, False] * 20,
        "hat": [0, 1, 0, 0] * 10,
        "label": ["yes", *["no"] * 4] * 8,
    }
)


def test_a_frame_is_the_same_dataset_as_its_file(tmp_path) -> None:
    FRAME.drop(columns="code").to_csv("t.csv", index=False)
    read = Table(path="t.csv", target="label", drop="hat").load()
    made = Dataset.from_frame(FRAME, "label", drop=["hat", "code"], name="t")
    assert made.content_hash == read.content_hash
    assert made.summary() == read.summary()


def test_a_frame_is_left_as_it_is_and_its_index_does_not_matter() -> None:
    shuffled = FRAME.sample(frac=1, random_state=0)
    before = shuffled.copy()
    data = Dataset.from_frame(shuffled, "label")
    pd.testing.assert_frame_equal(shuffled, before)
    assert data.X.index.tolist() == list(range(40))
    assert data.X["age"].tolist() == shuffled["age"].tolist()
    assert data.y.tolist() == (shuffled["label"] == "yes").astype(int).tolist()
    assert data.kinds["code"] == "categorical"
    assert np.isfinite(Prepare().fit(data.X, data.kinds, np.float64)(data.X)).all()


def test_several_targets_are_labels_and_column_names_may_be_numbers() -> None:
    data = Dataset.from_frame(FRAME, ["hat", "member"], drop="label")
    assert data.labels == ("hat", "member")
    assert data.counts.tolist() == [30, 10, 20, 20]
    numbered = pd.DataFrame({0: [1.5, 2.5, 0.5, 9.5], 1: [0, 1, 0, 0]})
    assert Dataset.from_frame(numbered, 1).X.columns.tolist() == ["0"]


@pytest.mark.parametrize(
    ("frame", "target", "message"),
    [
        (FRAME, "lable", "has no column 'lable'; did you mean 'label'"),
        (FRAME.assign(label="yes"), "label", r"one class only \(yes\)"),
        (FRAME.assign(label=[None, *["a", "b"] * 19, "b"]), "label", "missing .* in 1 of 40 rows, first in row 1"),
        (pd.DataFrame({"x": np.arange(300) ** 2, "y": np.linspace(0, 1, 300)}), "y", "looks like a quantity"),
        (FRAME.assign(row=range(40)), "label", r"'row' counts the rows.*drop=\['row'\]"),
        (
            FRAME.assign(age=[*map(str, range(1, 40)), "abc"]),
            "label",
            r"'abc' in row 40; .*pd.to_numeric\(frame\['age'\]",
        ),
        (FRAME.assign(age=list(map(str, range(1, 41)))), "label", "holds numbers as text; turn them into numbers"),
        (FRAME[["label"]], "label", "no column besides the target"),
        (pd.concat([FRAME, FRAME[["age"]]], axis=1), "label", "two columns named 'age'"),
    ],
)
def test_frames_that_cannot_be_learnt_from_are_refused(frame: pd.DataFrame, target: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        Dataset.from_frame(frame, target)
    assert "dataset." not in str(error.value)  # nothing of the command line


def test_arrays_and_labels_of_any_type() -> None:
    X = np.array([[1.0, 5.0], [2.0, 7.0], [0.5, 1.0], [3.0, 0.0]])
    data = Dataset.from_arrays(X, np.array([True, False, False, False]), name="a")
    assert (data.name, data.class_names, data.kinds) == ("a", ("False", "True"), {"x0": "numeric", "x1": "numeric"})
    assert Dataset.from_arrays(X, [2, 10, 2, 10]).class_names == ("2", "10")
    assert Dataset.from_arrays(X, np.eye(4, dtype=int)[:, :2]).labels == ("y0", "y1")
    with pytest.raises(DataError, match="X has 4 rows and y has 3"):
        Dataset.from_arrays(X, [0, 1, 0])


def test_rows_need_not_be_rows_of_a_table() -> None:
    images = np.random.default_rng(0).random((6, 4, 4, 3), dtype=np.float32)
    data = Dataset.from_arrays(images, ["cat", "dog", "cat", "cow", "dog", "cat"])
    assert len(data) == 6
    np.testing.assert_array_equal(data.take(np.array([4, 0])), images[[4, 0]])
    fewer = data.without_rare_classes(2)
    assert (fewer.class_names, len(fewer)) == (("cat", "dog"), 5)
    np.testing.assert_array_equal(fewer.X, images[[0, 1, 2, 4, 5]])
    assert data.content_hash != Dataset.from_arrays(images + 1, ["cat", "dog", "cat", "cow", "dog", "cat"]).content_hash
    assert "4 x 4 x 3" in data._repr_html_()


def test_taking_rows_keeps_their_order() -> None:
    data = Dataset.from_frame(FRAME, "label")
    assert data.take(np.array([3, 1]))["age"].tolist() == FRAME["age"].iloc[[3, 1]].tolist()


def test_a_dataset_is_printed_as_one_line() -> None:
    assert repr(Dataset.from_frame(FRAME, "label")) == (
        "<Dataset frame: 40 rows, 2 numeric and 3 categorical columns, no 32, yes 8>"
    )
    many = Dataset.from_arrays(np.random.default_rng(0).random((80, 2)), np.arange(80) % 8)
    assert repr(many).endswith(", 0 10, 1 10, 2 10, 3 10, 4 10, 5 10, and 2 smaller classes>")


def test_a_notebook_shows_the_classes_and_no_markup_of_theirs() -> None:
    html = Dataset.from_frame(FRAME.replace({"yes": "<script>"}), "label", name="<b>")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "40 rows" in html
    assert "2 numeric and 3 categorical columns" in html
    assert "20.0%" in html
    assert "width:40.0px" in html


@pytest.mark.parametrize("name", ["four_classes", "rare_binary", "synthetic", "long_tail", "two_labels"])
def test_a_title_names_and_selects_nothing(name: str) -> None:
    source, renamed = option("dataset", name).build(), option("dataset", name, title="mine").build()
    assert source.title == name
    assert (renamed.load().name, renamed.load().content_hash) == ("mine", source.load().content_hash)


@pytest.mark.parametrize("name", ["four_classes", "long_tail", "csv"])
def test_a_key_that_selects_elsewhere_is_no_setting_here(name: str) -> None:
    with pytest.raises(HydraException, match="name"):
        compose([f"dataset={name}", "dataset.name=yeast"])


def test_every_option_has_the_one_base() -> None:
    file = {"path": "x", "target": "y"}
    settings = {"csv": file, "on_disk": file, "imblearn_benchmark": {"name": "ecoli"}}
    for name in names("dataset"):
        assert isinstance(option("dataset", name, **settings.get(name, {})).build(), DatasetSource)
    given = {"groups": "g", "order": "t", "part": "p", "seed": 0, "splitter": {"_target_": "sklearn.svm.SVC"}}
    for name in names("split"):
        needed = {key: value for key, value in given.items() if key in load("split", name)}
        assert isinstance(option("split", name, **needed).build(), Splitter)
