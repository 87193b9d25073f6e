"""What a killed server costs a sweep: the ratio, and that a lost run is not passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.server import outage
from experiments.server.__main__ import main
from experiments.server.copies import Lost
from tests.conftest import TINY, invoke


def test_sides_take_turns_and_the_ratio_is_of_medians(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turns: list[bool] = []

    def sweep(folder: Path, runs: int, away: float, is_killed: bool) -> float:
        turns.append(is_killed)
        return {False: [10.0, 20.0, 12.0], True: [15.0, 9.0, 18.0]}[is_killed][turns.count(is_killed) - 1]

    monkeypatch.setattr(outage, "_sweep", sweep)
    main(["outage", "runs=7", "rounds=3", "away=4"])
    assert turns == [False, True, True, False, False, True]
    assert capsys.readouterr().out.splitlines() == [
        "7 runs in each sweep, every one in MLflow once and finished",
        "the server stayed: 10.0, 20.0, 12.0 s",
        "it was killed and came back: 15.0, 9.0, 18.0 s",
        "ratio of medians: 1.25 (killed for 4 s)",
    ]


def test_a_run_that_is_missing_or_there_twice_is_found(store: Path) -> None:
    uri = f"sqlite:///{store}"
    typed = [*(one for one in TINY if one != "tracking=none"), "model=logreg", f"tracking.uri={uri}"]
    assert invoke(*typed, "seed=0") == 0
    outage._check(uri, 1)
    with pytest.raises(Lost, match="2 runs were made, and MLflow has 1"):
        outage._check(uri, 2)
    assert invoke(*typed, "seed=0") == 0
    with pytest.raises(Lost, match="1 runs were made, and MLflow has 2"):
        outage._check(uri, 1)
