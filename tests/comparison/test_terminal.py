"""The comparison as a terminal shows it: in whatever width there is, and on a screen."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from imbalance_lab.comparison import Comparison, compare
from imbalance_lab.comparison.answer import answer_of
from imbalance_lab.comparison.report.layout import Grid, shortened
from imbalance_lab.comparison.report.terminal import terminal
from tests.comparison.conftest import grid, made, table

WIDTHS = (60, 80, 120)
LONG = ["smote(k_neighbors=3)+focal(gamma=0.5,alpha=0.25)+logit_adjust", "inv_freq+tuned_threshold(metric=macro_f1)"]


def one(strategies: list[str], seeds: int = 5, gain: float = 0.0) -> Comparison:
    noise = np.random.default_rng(0).normal(0, 0.003, size=(len(strategies), seeds))
    values = 0.6 + gain * np.arange(len(strategies))[:, None] + noise
    cells = {("four_classes", "logreg", name): row.tolist() for name, row in zip(strategies, values, strict=True)}
    return compare(made(cells))


def several(datasets: int, strategies: list[str]) -> Comparison:
    values = np.random.default_rng(0).uniform(0.4, 0.9, size=(datasets, len(strategies), 3))
    cells = {
        (f"a rather long name of a dataset {k}", "mlp", name): values[k, place].tolist()
        for k in range(datasets)
        for place, name in enumerate(strategies)
    }
    return compare(made(cells))


def rows_of(shown: str) -> list[str]:
    """Return the lines of the tables: below a rule, up to an empty one."""
    parts = re.findall(r"^-+\n((?:.+(?:\n|\Z))+)", shown, re.MULTILINE)
    return [line for part in parts for line in part.splitlines()]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("every_column", [False, True])
def test_no_line_is_wider_than_the_terminal_and_no_number_breaks(width: int, every_column: bool) -> None:
    comparison = one(["none", "tuned_threshold", *LONG, "smote"], gain=0.05)
    shown = terminal(comparison, width, every_column=every_column)
    assert max(map(cell_len, shown.splitlines())) <= width
    means = comparison.compared[0].table["mean"]
    cells = [" ".join(line.split()) for line in shown.splitlines()]
    assert all(any(f" {mean:.3f} [" in cell for cell in cells) for mean in means)
    numbers = [
        word.strip("[],") for line in rows_of(shown) for word in line.split()[1:] if re.match(r"[\[+-]?\.?\d", word)
    ]
    assert len(numbers) > 10
    assert all(re.fullmatch(r"[+-]?\d*\.\d{3}|5", number) for number in numbers)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(60, 200),
    st.lists(st.text("abcdefgh_+(=.,)日", min_size=1, max_size=60), min_size=1, max_size=6, unique=True),
    st.booleans(),
)
def test_every_width_fits(width: int, names: list[str], every_column: bool) -> None:
    shown = terminal(one(["none", "tuned_threshold", *names]), width, every_column=every_column)
    assert max(map(cell_len, shown.splitlines())) <= width


@given(st.integers(6, 40), st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=20, unique=True))
def test_short_names_are_as_many_as_long_ones(width: int, names: list[str]) -> None:
    short = shortened(names, width)
    assert list(short) and set(short) == set(names)
    assert all(cell_len(text) <= width for text in short.values())
    assert len(set(short.values())) == len(names)


def test_the_best_and_the_proven_are_marked_in_words_and_in_colour() -> None:
    comparison = one(["none", "tuned_threshold", "smote"], gain=0.1)
    plain, coloured = terminal(comparison, 80), terminal(comparison, 80, colour=True)
    (line,) = (line for line in plain.splitlines() if line.startswith("smote"))
    assert line.startswith("smote (best)") and line.endswith("better")
    assert "Use smote. It is better than none by 0.197, and better than the control\ntuned_threshold by 0.097." in plain
    assert "\x1b[" not in plain
    (line,) = (line for line in coloured.splitlines() if "smote (best)" in line)
    assert line.startswith("\x1b[1;32m")  # bold and green
    (line,) = (line for line in coloured.splitlines() if "Use smote." in line)
    assert line.startswith("\x1b[1mUse smote.\x1b[0m It is")
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_the_rarest_class_and_the_control_stand_beside_the_mean() -> None:
    shown = terminal(one(["none", "tuned_threshold", "smote"]), 80).splitlines()
    assert shown[0].startswith("Stay with none. ")
    assert "rarest: recall of rare" in shown[2]
    assert not any("…" in line for line in shown)
    assert [line.split()[-1] for line in rows_of("\n".join(shown)) if line.startswith("tuned_threshold")] == ["control"]
    without = terminal(one(["none", "smote"]), 80)
    assert [line.split()[-1] for line in without.splitlines() if line.startswith("none")] == ["baseline"]


def test_the_name_of_a_strategy_and_its_model_is_whole_in_eighty_columns() -> None:
    names = ["none", "tuned_threshold", "logit_adjust random_forest", "tuned_threshold random_forest"]
    rows = rows_of(terminal(one(names), 80))
    assert sorted(re.split(r" \(best\)|  +", line)[0] for line in rows) == sorted(names)
    interval = r"[+-]0\.\d{3} \[[+-]0\.\d{3}, [+-]0\.\d{3}\]"
    assert [bool(re.search(interval, line)) for line in rows] == ["control" not in line for line in rows]


def test_a_hundred_runs_are_a_screen() -> None:
    names = ["none", "tuned_threshold", *(f"strategy_{k}" for k in range(18))]
    for comparison in (one(names), several(5, names[:20]), one([*names, *(f"more_{k}" for k in range(31))])):
        shown = terminal(comparison, 80).splitlines()
        assert len(shown) <= 40
    assert any(line.startswith("and 31 more; columns=all") for line in shown)
    assert {"none", "tuned_threshold"} <= {line.split(" ")[0] for line in rows_of("\n".join(shown))}


def test_many_groups_of_one_dataset_end_with_what_to_use() -> None:
    values = {"none": [0.50, 0.51, 0.49, 0.50], "tuned_threshold": [0.60, 0.61, 0.60, 0.61]}
    gains = {"mlp": 0.0, "logreg": 0.1, "svm": 0.05}
    cells = {
        ("a", model, name): [v + gain for v in row] for model, gain in gains.items() for name, row in values.items()
    }
    shown = terminal(compare(made(cells)), 60).replace("\n", " ")
    assert "Use tuned_threshold with logreg. It is better than none by 0.105" in shown


def test_many_groups_begin_with_a_table_of_them() -> None:
    comparison = several(4, ["none", "tuned_threshold", "smote"])
    for width in WIDTHS:
        shown = terminal(comparison, width)
        answer, heading, *_ = (part.replace("\n", " ") for part in shown.split("\n\n"))
        assert answer == comparison.overall.text
        assert heading.startswith("4 groups, balanced accuracy; rarest: recall of the rarest class; differences to")
        assert max(map(cell_len, shown.splitlines())) <= width
        assert "columns=all shows each group" in shown.replace("\n", " ")
    answers = [answer_of(one.table, comparison.settings).text for one in comparison.compared]
    assert all(answer in terminal(comparison, every_column=True) for answer in answers)


def test_a_pipe_has_whole_names_and_verdicts() -> None:
    shown = terminal(one(["none", "tuned_threshold", *LONG]), None)
    assert all(name in shown for name in LONG)
    assert "not enough runs" in shown or "practically the same" in shown


def test_values_of_any_size_fit() -> None:
    rows = grid(np.random.default_rng(0).normal(-123456.0, 1e5, size=(3, 4)), ["none", "tuned_threshold", LONG[0]])
    comparison = compare(table(rows, metric="log_loss"), metric="log_loss")
    assert max(map(cell_len, terminal(comparison, 60).splitlines())) <= 60


def test_columns_go_on_below() -> None:
    lines = list(Grid(["name", "first", "second"], [["a" * 30, "x" * 20, "y" * 20]]).lines(40))
    assert [line.split()[-1] for line in lines if line] == ["first", "-" * 40, "x" * 20, "second", "-" * 40, "y" * 20]
