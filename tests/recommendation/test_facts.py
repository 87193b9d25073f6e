"""What is seen of a table: each finding on a table that has it, and none on tables that have not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.recommendation.facts import look_at
from imbalance_lab.recommendation.panel import panel_for

ROWS = 300


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    label = rng.permutation(np.repeat(["common", "rare"], [240, 60]))
    return pd.DataFrame(
        {
            "measured": rng.normal((label == "rare") * 1.0, 1.0),  # all different, as measurements are
            "counted": rng.poisson(4, ROWS),
            "cents": rng.integers(0, 10_000_000, ROWS),  # whole, and all different
            "town": rng.choice([f"town {k}" for k in range(40)], ROWS),
            "label": label,
        }
    )


def seen(frame):
    return look_at(Dataset.from_frame(frame, "label", name="table"))


def test_an_ordinary_table_raises_no_alarm(frame):
    facts = seen(frame)
    assert list(facts.notes()) == []
    assert facts.lines() == [
        "table: 300 rows, 2 classes: common 240 (80 %), rare 60 (20 %)",
        "columns: 3 numeric, 1 categorical; no cell is missing",
    ]


@pytest.mark.parametrize(
    "leak",
    [
        lambda label: (label == "rare").map({True: "closed", False: "open"}),  # one to one
        lambda label: np.where(label == "rare", 3.0, 1.0) + np.linspace(0, 0.5, ROWS),
        lambda label: np.where(label == "rare", 5.0, np.nan),  # filled in for one class only
        lambda label: [f"{'AB'[label == 'rare']}{k % 9}" for k, label in enumerate(label)],  # several codes a class
    ],
)
def test_a_column_that_decides_the_class_is_named(frame, leak):
    facts = seen(frame.assign(outcome=leak(frame.label)))
    assert list(facts.deciding) == ["outcome"]
    assert facts.deciding["outcome"] > 0.99


def test_a_column_that_helps_much_is_no_leak(frame):
    strong = np.random.default_rng(1).normal((frame.label == "rare") * 4.0, 1.0)  # balanced accuracy .98 at best
    assert seen(frame.assign(strong=strong)).deciding == {}


def test_identifiers_and_row_numbers(frame):
    number = np.random.default_rng(1).permutation(ROWS) + 7000
    facts = seen(frame.assign(customer=number, started=np.arange(ROWS) * 3.5 + 100, same="x"))
    assert facts.identifiers == ("customer",)
    assert facts.rising == ("started",)
    assert facts.constant == ("same",)


def test_duplicates_contradictions_and_gaps_are_counted(frame):
    assert seen(frame.assign(counted=frame.counted.where(frame.index >= 30))).missing == {"counted": 0.1}
    assert seen(pd.concat([frame, frame.iloc[:7]])).duplicates == 7
    flipped = frame.iloc[:2].assign(label=np.where(frame.label.iloc[:2] == "rare", "common", "rare"))
    assert seen(pd.concat([frame, flipped])).contradictions == 4


def test_small_classes_take_fewer_folds_and_are_refused_below_three(frame):
    tiny = pd.concat([frame[frame.label == "common"], frame[frame.label == "rare"].head(4)])
    data = Dataset.from_frame(tiny, "label")
    assert panel_for(data).folds == 4
    assert "few rows of 'rare' (4)" in next(look_at(data).notes())


def test_the_panel_suits_the_table(frame):
    data = Dataset.from_frame(frame, "label")
    panel = panel_for(data)
    names = [candidate.name for candidate in panel.candidates]
    for model in ("logreg", "random_forest", "hist_gb"):
        assert {f"none {model}", f"tuned_threshold {model}"} <= set(names)
    asked = panel_for(data, ["smote_nc"], ["logreg"], "macro_f1")
    assert [c.titles[0] for c in asked.candidates] == ["none", "tuned_threshold(metric=macro_f1)", "smote_nc"]
    labels = Dataset.from_frame(frame.assign(label=frame.label == "rare", b=frame.town > "town 2"), ["label", "b"])
    assert not {"ros", "rus"} & {candidate.titles[0] for candidate in panel_for(labels).candidates}
