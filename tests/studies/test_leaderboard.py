"""The leaderboard: what takes part, that it resumes and shards, and that its page comes from its runs alone."""

from __future__ import annotations

import doctest
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from experiments.leaderboard import __main__ as program
from experiments.leaderboard import gather, table
from imbalance_lab.runs.parquet import read_parquet
from imbalance_lab.runs.table import RunTable


def test_the_examples_hold() -> None:
    assert doctest.testmod(table).failed == 0


def test_every_set_in_the_race_has_rows_enough() -> None:
    board = replace(gather.read("quick"), sets=["newthyroid", "glass", "haberman"])
    assert [data.name for _, data in gather.taking_part(board)] == [
        "newthyroid",
        "haberman",
    ]  # glass: 9 rows of a class


def test_shards_are_a_partition(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []
    monkeypatch.setattr(gather, "_run", lambda board, name, *rest: ran.append(name))
    board = replace(gather.read("quick"), models=["logreg"])
    for part in (1, 2):
        gather.run(board, tmp_path, (part, 2))
    assert sorted(ran) == sorted(board.sets)


def test_gains_by_kind_are_means_over_thirds() -> None:
    means = pd.DataFrame({"none": [0.5] * 6, "ros": [0.5, 0.6, 0.7, 0.7, 0.8, 0.9]}, index=list("abcdef"))
    one = table.OfModel.__new__(table.OfModel)
    across = type("Ranked", (), {"ranks": pd.Series({"ros": 1.0, "none": 2.0})})
    comparison = type("Compared", (), {"settings": table.Settings()})
    for name, value in {"model": "m", "means": means, "across": across, "comparison": comparison}.items():
        object.__setattr__(one, name, value)
    kinds = table.by_kind(one, pd.DataFrame({"rows": [1, 2, 3, 4, 5, 6]}, index=list("abcdef"), dtype=float))
    assert kinds.loc["ros"].round(10).to_list() == [0.05, 0.2, 0.35]
    assert [third for _, third in kinds] == ["1 to 2", "3 to 4", "5 to 6"]


@pytest.mark.parametrize("wrong", ["shard=0/2", "shard=x", "presett=quick", "preset=none"])
def test_what_is_typed_wrong_is_said(wrong: str) -> None:
    with pytest.raises(SystemExit, match="error"):
        program.main([wrong])


@pytest.mark.slow
def test_the_quick_leaderboard_from_command_to_page(tmp_path: Path) -> None:
    arguments = ["preset=quick", f"folder={tmp_path / 'runs'}", f"out={tmp_path}"]
    program.main([*arguments, "predictions=true"])
    page = (tmp_path / "README.md").read_text()
    runs = RunTable.from_folder(tmp_path / "runs").runs
    assert (runs.outcome == "finished").all() and len(runs) == 3 * 2 * 6
    assert "36 runs" in page and "## logreg" in page and "## decision_tree" in page
    assert len(read_parquet(tmp_path / "leaderboard.parquet")) == 36
    assert all((tmp_path / "pictures" / f"{kind}-logreg.png").is_file() for kind in ("ranks", "kinds"))
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("record.json")}
    program.main(arguments)  # nothing runs again
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("record.json")} == before
