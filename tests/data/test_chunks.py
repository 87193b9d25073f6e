"""Tables in parts, held against the columns a model was fitted to."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data.chunks import Chunks, Reading
from imbalance_lab.data.columns import describe_columns
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.sinks import open_sink
from imbalance_lab.data.sources.files import Table
from imbalance_lab.errors import ConfigError, DataError

FRAME = pd.DataFrame(
    {
        "id": [f"p{k}" for k in range(60)],
        "age": np.arange(60) % 7 + 20,
        "lab": np.linspace(-2, 2.5, 60),
        "code": ["007", "08", "9"] * 20,
        "smokes": [True, False] * 30,
        "day": pd.date_range("2024-01-31", periods=60).strftime("%Y-%m-%d"),
        "label": ["a", "b", "b"] * 20,
    }
)
FRAME.loc[::5, "lab"] = np.nan


@pytest.fixture
def trained(tmp_path: Path) -> Dataset:
    file = tmp_path / "train.csv"
    FRAME.to_csv(file, index=False)
    with pytest.warns(UserWarning, match="holds dates"):
        return Table(path=str(file), target=["label"], drop=["id"], categorical=["code"]).load()


@pytest.fixture
def columns(trained: Dataset) -> dict:
    return describe_columns(trained)


@pytest.mark.parametrize("rows", [7, 1000])
def test_rows_outside_the_range_of_training_are_counted(rows: int, columns: dict, tmp_path: Path) -> None:
    new = FRAME.assign(age=FRAME.age + 3)  # 20 to 26 in training
    new.loc[:3, "day"] = "2023-12-31"
    new.loc[4, "day"] = None
    new.to_csv(tmp_path / "new.csv", index=False)
    FRAME.to_parquet(tmp_path / "same.parquet")
    chunks = Chunks(tmp_path / "new.csv", columns, rows=rows)
    assert sum(len(chunk.X) for chunk in chunks) == 60
    assert chunks.outside == {"age": int((new.age > 26).sum()), "day": 4}
    same = Chunks(tmp_path / "same.parquet", columns, rows=rows)
    assert sum(len(chunk.X) for chunk in same) == 60 and not same.outside


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "parquet", "xlsx"])
@pytest.mark.parametrize("rows", [7, 1000])
def test_the_parts_are_the_rows_that_training_would_read(
    ending: str, rows: int, trained: Dataset, columns: dict, tmp_path: Path
) -> None:
    file = tmp_path / f"new.{ending}"
    if ending == "parquet":
        FRAME.to_parquet(file, row_group_size=11)
    elif ending == "xlsx":
        FRAME.to_excel(file, index=False)
    else:
        FRAME.to_csv(file, index=False, sep="\t" if ending == "tsv" else ",")
    chunks = Chunks(file, columns, ["id"], rows=rows)
    parts = list(chunks)
    X = pd.concat([part.X for part in parts], ignore_index=True)
    assert list(X) == list(trained.X)
    apart = ["day", "code"] if ending == "xlsx" else ["day"]  # a sheet of text 007 is read as 7, in training too
    pd.testing.assert_frame_equal(X.drop(columns=apart), trained.X.drop(columns=apart), check_dtype=False)
    assert (X.day == trained.X.day).all()
    assert pd.concat([part.kept for part in parts]).id.tolist() == FRAME.id.tolist()
    assert chunks.others == ["label"]
    assert not chunks.unknown or ending == "xlsx"
    assert parts[-1].done == pytest.approx(1)
    if rows == 7 and ending != "xlsx":
        assert len(parts) == 9


def test_semicolons_commas_and_marks_are_read_as_asked(columns: dict, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    FRAME.assign(lab=FRAME.lab.map("{:.2f}".format).str.replace(".", ",").replace("nan", "-")).to_csv(
        file, index=False, sep=";"
    )
    (part,) = Chunks(file, columns, reading=Reading(decimal=",", missing=["-"]))
    np.testing.assert_allclose(part.X["lab"], FRAME["lab"], atol=0.005)
    with pytest.raises(DataError, match="'lab' must hold numbers, as in training, and has '-1,92' in row 2; decimal=,"):
        list(Chunks(file, columns, reading=Reading(missing=["-"])))


def test_two_other_columns_of_one_name_do_not_matter(columns: dict, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    FRAME.assign(other=1, another=2).rename(columns={"another": "other"}).to_csv(file, index=False)
    (part,) = Chunks(file, columns)
    assert len(part.X) == len(FRAME)


def test_new_categories_are_counted(columns: dict, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    FRAME.assign(code=["010", "08"] * 30).to_csv(file, index=False)
    chunks = Chunks(file, columns, rows=7)
    for _ in chunks:
        pass
    assert chunks.unknown == {"code": Counter({"010": 30})}


WRONG = {
    "column": (FRAME.drop(columns=["age", "lab"]), "lacks the columns 'age', 'lab'; it has 'id', 'code'"),
    "name": (FRAME.rename(columns={"smokes": "smoke"}), "lacks the column 'smokes'; did you mean smoke?"),
    "text": (
        FRAME.assign(age=FRAME.age.astype(object).where(FRAME.index != 33, "old")),
        "column 'age' must hold numbers, as in training, and has 'old' in row 34; missing=[old]",
    ),
    "switch": (FRAME.assign(age=True), "column 'age' holds true and false, and the model was trained on numbers"),
    "date": (FRAME.assign(day=["soon"] * 59 + ["2024-01-01"]), "'day' holds dates, but 59 of 60 cells are none"),
    "nothing": (FRAME[:0], "has no rows"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_does_not_fit_is_named(name: str, ending: str, columns: dict, tmp_path: Path) -> None:
    frame, reason = WRONG[name]
    file = tmp_path / f"new.{ending}"
    if ending == "csv":
        frame.to_csv(file, index=False)
    elif name == "text":
        pytest.skip("Parquet has no such column")
    else:
        frame.to_parquet(file)
    with pytest.raises(DataError, match=re.escape(reason)) as refused:
        list(Chunks(file, columns))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "empty.csv is empty"),
        ("noise.parquet", b"PAR1 nonsense", "noise.parquet cannot be read as a table"),
        ("latin.csv", FRAME.rename(columns={"id": "é"}).to_csv(index=False).encode("latin-1"), "is not utf-8"),
        ("twice.csv", b"age,age,lab,code,smokes,day\n1,1,1,1,1,2024-01-01\n", "two columns named 'age'"),
        ("data.json", b"{}", ".json files are not read"),
    ],
)
def test_files_that_are_no_tables(name: str, content: bytes, reason: str, columns: dict, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(reason)):
        list(Chunks(tmp_path / name, columns))
    with pytest.raises(DataError, match="there is no file"):
        list(Chunks(tmp_path / "gone.csv", columns))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_is_there_when_it_is_whole(ending: str, tmp_path: Path) -> None:
    file, rows = tmp_path / f"out.{ending}", pd.DataFrame({"x": [0.1, 1 / 3], "c": ["a", 'b "quoted"']})
    with open_sink(file) as write:
        write(rows)
        write(rows)
        assert not file.exists()
    read = pd.read_csv(file, dtype={"x": float}) if ending == "csv" else pd.read_parquet(file)
    pd.testing.assert_frame_equal(read, pd.concat([rows, rows], ignore_index=True), check_dtype=False)
    file.unlink()

    def interrupted() -> None:
        with open_sink(file) as write:
            write(rows)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_ending_that_is_not_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in neither .csv nor .parquet"), open_sink(tmp_path / "out.json"):
        pass
