from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imbalance_lab.options import Option, option
from imbalance_lab.process import Recent, session
from imbalance_lab.runs.files import read_predictions
from imbalance_lab.runs.run import load
from imbalance_lab.runs.spec import specify
from tests.conftest import TINY, invoke


def test_the_value_used_longest_ago_is_dropped() -> None:
    made = []
    recent = Recent[int](capacity=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        recent.get(key, lambda key=key: made.append(key) or 0)
    assert made == ["a", "b", "c", "b"]


def test_keys_that_cannot_be_compared_equal_no_other() -> None:
    recent = Recent[int](capacity=2)
    assert recent.get((np.array([1, 2]),), lambda: 1) == 1
    assert recent.get((np.array([1, 2]),), lambda: 2) == 2


def test_data_are_read_anew_if_their_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("x,y\n" + "1,a\n2,b\n2.5,b\n" * 4)

    def source() -> dict[str, Option]:
        return specify(option("dataset", "csv", path=str(file), target="y")).options

    with session():
        first = load(source())
        assert load(source()) is first
        file.write_text("x,y\n" + "1,a\n2,b\n2.5,b\n" * 5)
        assert len(load(source()).y) == 15


@pytest.mark.slow
def test_a_run_of_a_sweep_is_the_run_alone(tmp_path: Path) -> None:
    """Four runs that share a graph, or come after one with another, against each in a process of its own."""
    typed = [*TINY, "model=mlp", "model.dropout=0.1"]
    assert invoke("-m", *typed, "strategy=smote,focal", "seed=0,1", f"hydra.sweep.dir={tmp_path / 'sweep'}") == 0
    cells = [(strategy, seed) for strategy in ("smote", "focal") for seed in (0, 1)]
    for number, (strategy, seed) in enumerate(cells):
        alone = tmp_path / f"alone{number}"
        command = [sys.executable, "-m", "imbalance_lab", *typed, f"strategy={strategy}", f"seed={seed}"]
        subprocess.run([*command, f"hydra.run.dir={alone}"], check=True, capture_output=True)
        ours, theirs = tmp_path / "sweep" / str(number), alone
        for part in ("validation", "test"):
            np.testing.assert_array_equal(
                read_predictions(ours, part=part).log_proba, read_predictions(theirs, part=part).log_proba
            )
        assert (ours / "epochs.csv").read_text() == (theirs / "epochs.csv").read_text()
        one, other = (json.loads((folder / "record.json").read_text())["metrics"] for folder in (ours, theirs))
        assert [(k, v) for k, v in one.items() if "timing/" not in k] == [
            (k, v) for k, v in other.items() if "timing/" not in k
        ]
