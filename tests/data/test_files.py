from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data.prepare import Prepare
from imbalance_lab.data.sources.files import Table
from imbalance_lab.errors import DataError, LabWarning

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
    ("frame", "settings", "message"),
    [
        (
            FRAME.assign(note=[f"text {i}" for i in range(100)]),
            {"drop": ["id"]},
            r"'note' has 100 different values.*drop=\[note\]",
        ),
        (FRAME, {}, r"'id' counts the rows.*drop=\[id\]"),
        (FRAME, {"drop": ["idd"]}, "no column 'idd'; did you mean 'id'"),
        (FRAME.assign(label=[f"r{i}" for i in range(100)]), {}, "every row has its own value"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(frame: pd.DataFrame, settings: dict, message: str, tmp_path) -> None:
    write(frame, tmp_path / "t.csv")
    with pytest.raises(DataError, match=message):
        Table(path="t.csv", target="label", **settings).load()


def test_a_quantity_is_no_target(tmp_path: Path) -> None:
    write(pd.DataFrame({"x": range(300), "price": np.linspace(0, 9, 300)}), tmp_path / "q.csv")
    with pytest.raises(DataError, match="300 different numbers; it looks like a quantity"):
        Table(path="q.csv", target="price").load()


def test_what_stands_for_missing_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("x,c,y\n1,None,a\n-,b,b\n5,N/A,a\n7,b,b\n")
    data = Table(path="m.csv", target="y", missing=["-"]).load()
    assert data.X["x"].isna().tolist() == [False, True, False, False]
    assert data.X["c"].tolist() == ["None", "b", "N/A", "b"]


def test_separator_encoding_and_headers_that_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes("1;größe\n3;groß\n1;klein\n3;groß\n".encode("latin-1"))
    data = Table(path="s.csv", target="größe", separator=";", encoding="latin-1").load()
    assert data.class_names == ("groß", "klein")
    assert Table(path="s.csv", target=1, separator=";", encoding="latin-1").load().class_names == ("3", "1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y,x\na,1,9\nb,2,9\n", "cannot be read as a table"),
        ("x,x,y\n1,2,a\n3,4,b\n", "two columns named 'x'"),
        ("x y\n1 a\n2 b\n", "no column 'y': it was read as the one column 'x y'; dataset.separator="),
        ("x,y\n1,a\n,\n", "missing"),
    ],
)
def test_what_is_no_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        Table(path="w.csv", target="y").load()


def test_parquet_with_nullable_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3, 5], dtype="Int64"),
            "b": pd.array([True, None, False, True], dtype="boolean"),
            "s": pd.array(["u", None, "v", "u"], dtype="string"),
            "y": ["p", "q", "p", "q"],
        }
    )
    frame.to_parquet(tmp_path / "n.parquet")
    data = Table(path="n.parquet", target="y").load()
    assert data.kinds == {"n": "numeric", "b": "categorical", "s": "categorical"}
    assert data.X.isna().sum().tolist() == [1, 1, 1]
    assert np.isfinite(Prepare().fit(data.X, data.kinds, np.float64)(data.X)).all()
    frame.assign(s=[[1], [2], [3], [4]]).to_parquet(tmp_path / "l.parquet")
    with pytest.raises(DataError, match="'s' holds lists"):
        Table(path="l.parquet", target="y").load()


def test_several_targets_are_labels(tmp_path: Path) -> None:
    write(FRAME.assign(hat=[0, 1] * 50, bag=[True, False, False, False] * 25), tmp_path / "l.csv")
    data = Table(path="l.csv", target=["hat", "bag"], drop=["id", "label"]).load()
    assert data.labels == ("hat", "bag")
    assert data.class_names == ("not hat", "hat", "not bag", "bag")
    assert data.counts.tolist() == [50, 50, 75, 25]
    write(FRAME.assign(hat=[0, 2] * 50, bag=[0, 1] * 50), tmp_path / "w.csv")
    with pytest.raises(DataError, match="the label 'hat' must be 0 or 1"):
        Table(path="w.csv", target=["hat", "bag"], drop=["id", "label"]).load()


CLEAN = [f"{k / 7:.3f}" for k in range(200)]


def dirty(file: Path, cells: list[str], **settings) -> None:
    quoted = "".join(f'"{cell}",{"ab"[k % 10 == 0]}\n' for k, cell in enumerate(cells))
    file.write_text("x,y\n" + quoted)
    Table(path=file.name, target="y", **settings).load()


def test_a_few_words_among_numbers_are_named_with_their_rows(tmp_path: Path) -> None:
    cells = [*CLEAN[:6], "abc", *CLEAN[7:150], "-", *CLEAN[151:]]
    with pytest.raises(
        DataError, match=r"column 'x' holds numbers, but 2 of 200 .*'abc' in row 7, '-' in row 151"
    ) as e:
        dirty(tmp_path / "d.csv", cells)
    assert str(e.value).endswith("or dataset.categorical=[x]")
    typed = str(e.value).split("'dataset.missing=[")[1].split("]'")[0]
    dirty(tmp_path / "d.csv", cells, missing=[mark.strip('"') for mark in typed.split(",")])
    assert Table(path="d.csv", target="y", missing=["abc", "-"]).load().kinds == {"x": "numeric"}
    codes = [*map(str, range(20)), "abc"] * 20
    with pytest.raises(DataError, match=r"dataset.categorical=\[x\]"):
        dirty(tmp_path / "d.csv", codes)
    dirty(tmp_path / "d.csv", codes, categorical="x")
    assert Table(path="d.csv", target="y", categorical="x").load().X["x"].nunique() == 21


def test_a_column_of_measurements_is_recognised_though_a_third_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="66 of 200 cells are none: 'unknown' in row 1"):
        dirty(tmp_path / "d.csv", ["unknown"] * 66 + CLEAN[66:])


@pytest.mark.parametrize(
    "codes",
    [["1", "2", "3", "X"], ["007", "008", "0099", "012"], ["1-2", "3-4", "5"], ["a", "b", "3", "4"]],
)
def test_codes_stay_categories(codes: list[str], tmp_path: Path) -> None:
    dirty(tmp_path / "c.csv", codes * 50, categorical="x" if codes[0] == "007" else [])
    data = Table(path="c.csv", target="y", categorical="x" if codes[0] == "007" else []).load()
    assert data.kinds == {"x": "categorical"}
    assert set(data.X["x"]) == set(codes)


def test_decimal_commas_are_found_and_noted(tmp_path: Path) -> None:
    commas = [cell.replace(".", ",") for cell in CLEAN]
    note = "the decimal mark is a comma, as in column 'x'"
    with pytest.warns(LabWarning, match=f"dataset 'c': {note}"):
        dirty(tmp_path / "c.csv", commas)
    with pytest.warns(LabWarning):
        data = Table(path="c.csv", target="y").load()
    assert data.notes == (note,)
    assert data.summary()["notes"] == [note]
    np.testing.assert_allclose(data.X["x"], np.array(CLEAN, float))
    typed = Table(path="c.csv", target="y", decimal=",").load()  # nothing to note
    assert (typed.content_hash, typed.notes) == (data.content_hash, ())


@pytest.mark.parametrize("spoilt", [["1,234", "2,345"], ["1,5", "2,5", "x"]])
def test_decimal_commas_that_are_uncertain_are_offered_their_setting(spoilt: list[str], tmp_path: Path) -> None:
    cells = [*spoilt, *(f"{k},234" for k in range(1, 199))]
    with pytest.raises(DataError, match=r"decimal commas in .* of .* cells.*'dataset.decimal="):
        dirty(tmp_path / "c.csv", cells)


def test_points_elsewhere_rule_decimal_commas_out(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a;b;y\n" + "".join(f"{k},5;{k}.25;{'ab'[k % 4 == 0]}\n" for k in range(40)))
    with pytest.raises(DataError, match="column 'a' holds decimal commas"):
        Table(path="p.csv", target="y").load()


def test_another_encoding_is_named(tmp_path: Path) -> None:
    text = "x;größe\n1;groß\n3;klein\n2;groß\n"
    (tmp_path / "l.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"l.csv is not utf-8 \(byte f6\): dataset.encoding=latin-1 reads it"):
        Table(path="l.csv", target="größe").load()
    assert Table(path="l.csv", target="größe", separator=";", encoding="latin-1").load().class_names[0] == "groß"
    (tmp_path / "u.csv").write_bytes(text.encode("utf-16"))
    with pytest.raises(DataError, match=r"dataset\.encoding=utf-16 reads it"):
        Table(path="u.csv", target="größe").load()
    assert Table(path="u.csv", target="größe", separator=";", encoding="utf-16").load().class_names[0] == "groß"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_the_separator_is_detected(separator: str, name: str, tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / name, index=False, sep=separator)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = Table(path=name, target="label", drop=["id"]).load()
    assert data.counts.tolist() == [90, 10]
    usual = "," if name.endswith("csv") else "\t"
    words = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a vertical bar"}
    assert data.notes == (() if separator == usual else (f"{words[separator]} was found between the columns",))
    assert [str(w.message) for w in caught] == [f"dataset 't': {note}" for note in data.notes]


def test_decimal_commas_do_not_pass_for_separators(tmp_path: Path) -> None:
    rows = "".join(f"{k},5;{k * 7 % 13},25;{'ab'[k % 4 == 0]}\n" for k in range(40))
    (tmp_path / "g.csv").write_text("f1;f2;label\n" + rows)
    with pytest.warns(LabWarning) as caught:
        data = Table(path="g.csv", target="label").load()
    assert data.X["f1"].tolist()[:2] == [0.5, 1.5]
    assert [str(w.message) for w in caught] == [
        "dataset 'g': a semicolon was found between the columns",
        "dataset 'g': the decimal mark is a comma, as in column 'f1'",
    ]


def test_excel_is_read_and_other_kinds_are_refused_by_name(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("openpyxl")
    FRAME.to_excel(tmp_path / "t.xlsx", index=False)
    data = Table(path="t.xlsx", target="label", drop=["id"]).load()
    assert (data.name, data.counts.tolist()) == ("t", [90, 10])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"reading \.xlsx needs openpyxl, which is not installed; pip install openpyxl"):
        Table(path="t.xlsx", target="label").load()
    (tmp_path / "t.json").write_text("[]")
    with pytest.raises(DataError, match=r"\.json files are not read; save it as \.csv"):
        Table(path="t.json", target="label").load()


def test_the_title_is_the_files_name_or_what_is_given() -> None:
    assert Table(path="a/b.csv.gz", target="y").title == "b"
    assert Table(path="b.csv", target="y", title="mine").title == "mine"
