"""The data of a sweep are looked at once, before its first job."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from imbalance_lab.data.sources.files import Table
from tests.conftest import invoke, records, replaced

QUICK = ("-m", "model=logreg", "strategy=none,ros", "seed=0,1", "tracking=none", "evaluation.resamples=50")


def lay_down(name: str, target: str = "label", first: object = 0.25, separator: str = ",") -> None:
    cells = [first, *((k * 37 % 101) / 7 for k in range(1, 80))]
    frame = pd.DataFrame({"x": cells, target: ["rare", *["usual"] * 3] * 20})
    frame.to_csv(f"{name}.csv", index=False, sep=separator)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read, in their order."""
    read, load = [], Table.load_for
    monkeypatch.setattr(Table, "load_for", lambda self, needs: (read.append(self.path), load(self, needs))[1])
    return read


def test_a_table_is_loaded_once_for_all_jobs_and_its_notes_are_printed_once(loads, capsys, tmp_path: Path) -> None:
    lay_down("a", separator=";")
    assert invoke(*QUICK, "a.csv", "target=label") == 0
    assert loads == ["a.csv"]
    assert capsys.readouterr().err.count("a semicolon was found between the columns") == 1
    found = records(tmp_path)
    assert [record["dataset"]["notes"] for record in found] == [["a semicolon was found between the columns"]] * 4


def test_notes_on_several_tables_are_printed_once_in_their_order(capsys) -> None:
    for name in ("a", "b", "c"):
        lay_down(name, separator=";")
    assert invoke(*QUICK, "a.csv", "b.csv", "c.csv", "target=label") == 0
    shown = "".join(capsys.readouterr()[::-1])
    found = [line for line in shown.splitlines() if "a semicolon was found" in line]
    assert found == [f"warning: dataset '{name}': a semicolon was found between the columns" for name in "abc"]


def test_a_bad_column_ends_the_sweep_before_its_first_job(capsys, tmp_path: Path) -> None:
    lay_down("a")
    lay_down("bad", first="abc")
    stopped = invoke(*QUICK, "a.csv", "bad.csv", "target=label")
    assert str(stopped).startswith("error: dataset 'bad': column 'x' holds numbers, but 1 of 80 cells are none: 'abc'")
    assert "\n" not in str(stopped)
    assert capsys.readouterr().out == ""
    assert records(tmp_path) == []
    assert not list(tmp_path.rglob("sweep.json"))


def test_several_files_share_a_target(tmp_path: Path) -> None:
    lay_down("a")
    lay_down("b", first=9.5)
    assert invoke(*QUICK, "dataset=csv", "dataset.path=a.csv,b.csv", "dataset.target=label") == 0
    assert sorted(record["dataset"]["name"] for record in records(tmp_path)) == ["a"] * 4 + ["b"] * 4


def test_targets_do_not_cross_silently_and_each_file_may_have_its_own(tmp_path: Path) -> None:
    lay_down("a")
    lay_down("b", target="kind", first=9.5)
    files = ("dataset=csv", "dataset.path=a.csv,b.csv")
    assert str(invoke(*QUICK, *files, "dataset.target=label,kind")).startswith("error: b.csv has no column 'label'")
    assert records(tmp_path) == []
    assert invoke(*QUICK, *files, "dataset.target={a: label, b: kind}") == 0
    assert sorted(record["dataset"]["name"] for record in records(tmp_path)) == ["a"] * 4 + ["b"] * 4
    assert "names no target for b.csv, only for a" in str(invoke(*QUICK, *files, "dataset.target={a: label}"))


def test_the_sets_that_come_along_are_left_to_the_jobs(monkeypatch) -> None:
    from imbalance_lab.app import checks

    looked_at = []
    monkeypatch.setattr(checks, "_is_ones_own", lambda source: bool(looked_at.append(source.title)))
    assert invoke(*replaced(QUICK, ["dataset=wine_lt,breast_cancer", "strategy=none", "seed=0"])) == 0
    assert looked_at == ["wine_lt", "breast_cancer"]
