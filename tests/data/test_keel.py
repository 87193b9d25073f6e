from __future__ import annotations

import re
from pathlib import Path

import pytest

from imbalance_lab.data.sources.keel import Keel, keel_files, names, package_folder, read_keel
from imbalance_lab.errors import ConfigError, DataError

DESCRIPTIONS = sorted(package_folder().glob("*/*-names.txt"))

FILE = """@relation tiny
@attribute Size real [0.0, 9.0]
@attribute 'Shirt colour' {red, green}
@attribute Class {positive, negative}
@inputs Size, Shirt colour
@outputs Class
@data
% a comment
1.5, red, negative
2.5, <null>, negative
?, green, positive

"""


def described(text: str, key: str) -> float:
    return float(re.search(rf"{key}[.:]*\s*([\d.]+)", text)[1])


def test_every_named_set_is_read_and_has_two_classes_or_more() -> None:
    for name in names():
        data = Keel(name=name).load()
        assert len(data.class_names) >= 2, name
        assert data.counts.min() >= 1, name
        assert len(data.X) == len(data.y) == data.counts.sum(), name
        assert list(data.kinds) == list(data.X.columns), name


def test_there_are_about_150_sets_binary_and_multiclass() -> None:
    assert len(names()) > 145
    assert {"yeast", "car", "page-blocks", "abalone19", "glass", "ecoli"} <= set(names())


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda file: file.parent.name)
def test_rows_classes_and_ratio_are_those_the_files_describe(description: Path) -> None:
    """Where a set comes with KEEL's own description, it is held against it."""
    text = description.read_text(encoding="latin-1")
    stem = description.name.removesuffix("-names.txt")
    files = {file.parent.name: name for name, file in keel_files().items()} | {name: name for name in keel_files()}
    data = Keel(name=files[stem if stem in files else description.parent.name]).load()
    attributes = {m.lower() for m in re.findall(r"@attribute\s+([^\s{]+)", text)}
    assert len(data.kinds) + 1 == len(attributes) or not attributes
    if data.name != "vowel0":  # described by the eleven vowels it was made from
        assert described(text, "Classes") == len(data.class_names)
    assert described(text, "Instances") == len(data.y)
    # Most descriptions cut the ratio down to a whole number; a few differ from their own file by up to 15 %.
    assert described(text, "IR") == pytest.approx(data.imbalance_ratio, rel=0.15)


@pytest.mark.parametrize(
    ("name", "rows", "columns", "sizes"),
    [  # from the UCI descriptions that lie beside the files
        ("yeast", 1484, 8, {463, 429, 244, 163, 51, 44, 35, 30, 20, 5}),
        ("ecoli", 336, 7, {143, 77, 52, 35, 20, 5, 2}),
        ("glass", 214, 9, {70, 76, 17, 13, 9, 29}),
        ("vehicle", 846, 18, {218, 212, 217, 199}),
        ("satimage", 6435, 36, {1533, 703, 1358, 626, 707, 1508}),
        ("hepatitis", 155, 19, {32, 123}),
        ("german", 1000, 20, {700, 300}),
        ("spectf", 267, 44, {212, 55}),
        ("spect", 267, 22, {212, 55}),
        ("car", 1728, 6, {1210, 384, 69, 65}),
    ],
)
def test_uci_tables_are_laid_out_as_their_descriptions_say(name: str, rows: int, columns: int, sizes: set[int]) -> None:
    data = Keel(name=name).load()
    assert (len(data.y), data.X.shape[1], set(data.counts.tolist())) == (rows, columns, sizes)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "tiny.dat").write_text(FILE)
    data = Keel(path="tiny.dat").load()
    assert data.name == "tiny"
    assert data.class_names == ("negative", "positive")
    assert data.y.tolist() == [0, 0, 1]
    assert data.kinds == {"Size": "numeric", "Shirt colour": "categorical"}
    assert data.X["Size"].isna().tolist() == [False, False, True]
    assert data.X["Shirt colour"].isna().tolist() == [False, True, False]


def test_the_output_need_not_come_last(tmp_path: Path) -> None:
    text = "@relation r\n@attribute c {a, b}\n@attribute x integer\n@output c\n@data\na,1\nb,2\n"
    (tmp_path / "r.dat").write_text(text)
    data = read_keel(tmp_path / "r.dat")
    assert list(data.X.columns) == ["x"]
    assert data.class_names == ("a", "b")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (FILE.replace("1.5, red, negative", "1.5, negative"), "line 9: 2 values, but the header declares 3"),
        (FILE.replace("red, negative", "red, maybe"), "class 'maybe' is not among those the header declares"),
        (FILE.replace("1.5", "big"), "'big' in the numeric attribute 'Size' is not a number"),
        (FILE.replace("red, negative", "red, ?"), "1 rows have no value for the target 'Class'"),
        (FILE.replace("@data", ""), "no @data line"),
        (FILE.split("% a")[0], "a header but no rows"),
        (FILE.replace("@outputs Class", "@outputs Klass"), "names 'Klass' as its output"),
        ("@data\n1,2\n", "declares no @attribute"),
        (FILE.replace("positive\n", "negative\n"), "one class only"),
    ],
)
def test_a_broken_file_is_refused_with_line_and_reason(broken: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "broken.dat").write_text(broken)
    with pytest.raises(DataError, match=re.escape(message)):
        read_keel(tmp_path / "broken.dat")


def test_a_missing_file_and_an_unknown_name_are_refused() -> None:
    with pytest.raises(DataError, match="no file"):
        Keel(path="nowhere.dat").load()
    with pytest.raises(ConfigError, match="did you mean yeast"):
        Keel(name="yaest").load()
