from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.datasets.files import Table
from imbalance_lab.types import DataError

FRAME = pd.DataFrame(
    {
        "id": range(100),
        "age": np.linspace(20, 60, 100),
        "colour": ["red", "green", None, "blue"] * 25,
        "member": [True, False] * 50,
        "label": ["yes", *["no"] * 9] * 10,
    }
)


def write(frame: pd.DataFrame, file: Path) -> None:
    if file.suffix == ".parquet":
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False, sep="\t" if ".tsv" in file.name else ",")


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.csv.gz"])
def test_every_format_gives_the_same_dataset(name: str, tmp_path: Path) -> None:
    write(FRAME, tmp_path / name)
    data = Table(path=name, target="label", drop=["id"]).load()
    assert data.name == "t"
    assert data.class_names == ("no", "yes")
    assert data.counts.tolist() == [90, 10]
    assert data.kinds == {"age": "numeric", "colour": "categorical", "member": "categorical"}
    assert data.X["colour"].isna().sum() == 25


def test_numeric_and_boolean_targets_are_classes(tmp_path: Path) -> None:
    write(FRAME.assign(label=[0.0, 1.0, 2.0, 10.0] * 25), tmp_path / "n.csv")
    assert Table(path="n.csv", target="label", drop=["id"]).load().class_names == ("0", "1", "2", "10")
    write(FRAME.assign(label=[True, False, False, False] * 25), tmp_path / "b.csv")
    assert Table(path="b.csv", target="label", drop=["id"]).load().class_names == ("False", "True")


def test_infinite_features_are_missing_values(tmp_path: Path) -> None:
    write(FRAME.assign(age=[np.inf, *np.arange(99.0)]), tmp_path / "i.csv")
    assert Table(path="i.csv", target="label", drop=["id"]).load().X["age"].isna().sum() == 1


@pytest.mark.parametrize(
    ("frame", "settings", "said"),
    [
        (FRAME.assign(note=[f"text {i}" for i in range(100)]), {}, r"'note' has 100 different values.*drop=\[note\]"),
        (FRAME, {"drop": ["idd"]}, "no column 'idd'; did you mean 'id'"),
        (FRAME.assign(label=[f"r{i}" for i in range(100)]), {}, "every row has its own value"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(frame: pd.DataFrame, settings: dict, said: str, tmp_path) -> None:
    write(frame, tmp_path / "t.csv")
    with pytest.raises(DataError, match=said):
        Table(path="t.csv", target="label", **settings).load()


def test_a_quantity_is_no_target(tmp_path: Path) -> None:
    write(pd.DataFrame({"x": range(300), "price": np.linspace(0, 9, 300)}), tmp_path / "q.csv")
    with pytest.raises(DataError, match="300 different numbers; it looks like a quantity"):
        Table(path="q.csv", target="price").load()


def test_dates_are_refused_by_name(tmp_path: Path) -> None:
    write(FRAME.assign(day=pd.date_range("2020-01-01", periods=100)), tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"'day' holds dates.*drop=\[day\]"):
        Table(path="d.parquet", target="label").load()
