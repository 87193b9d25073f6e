from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from imbalance_lab.comparison import Settings, compare
from imbalance_lab.comparison.across import across_datasets
from imbalance_lab.comparison.paired import BETTER, FEW_ROWS, FEW_RUNS, SAME, WORSE
from imbalance_lab.comparison.report.curves import MOST_CURVES, MOST_PANELS, draw_epochs
from imbalance_lab.comparison.report.diagrams import (
    MOST_CLASSES,
    _apart,
    draw_differences,
    draw_ranks,
    draw_recalls,
    draw_trade_off,
)
from imbalance_lab.comparison.report.ink import marker, same_scale
from tests.comparison.conftest import made, made_epochs

SETTINGS = Settings()
VALUES = {"none": [0.5, 0.6, 0.55], "smote": [0.7, 0.72, 0.77], "$a_$b": [0.51, 0.58, 0.56]}


def one(classes=("$10_$20", "<5", "rest"), values=VALUES):
    return compare(made({("d", "mlp", name): row for name, row in values.items()}, classes), SETTINGS).compared[0]


def texts(figure) -> list[str]:
    figure.savefig(io.BytesIO(), format="svg")
    return [text.get_text() for axes in figure.axes for text in axes.findobj(match=lambda a: hasattr(a, "get_text"))]


def drawn(axes) -> dict[str, tuple[float, list[float]]]:
    """Return the mean and the interval that are drawn beside each name."""
    names = {label.get_position()[1]: label.get_text() for label in axes.get_yticklabels()}
    found = {}
    for container in axes.containers:
        points, ends = container[0], container[2][0].get_segments()
        for mean, at, interval in zip(points.get_xdata(), points.get_ydata(), ends, strict=True):
            found[names[at]] = mean, interval.reshape(-1, 2)[:, 0]
    return found


def test_recalls_are_written_into_their_cells() -> None:
    figure = draw_recalls(one())
    (mesh,) = figure.axes[0].collections
    np.testing.assert_allclose(mesh.get_array()[0], np.array([0.73, 0.72, 0.71]))
    assert " ".join(figure.get_suptitle().split()).startswith(
        "$10_$20, the rarest class, is found most often under smote"
    )
    assert {"0.73", "0.72", "0.71", "$10_$20", "<5", "smote", "$a_$b"} <= set(texts(figure))


def test_of_very_many_classes_the_rarest_are_drawn_and_the_figure_notes_it() -> None:
    figure = draw_recalls(one(classes=[f"class {k}" for k in range(1000)]))
    assert figure.axes[0].collections[0].get_array().shape == (3, MOST_CLASSES)
    assert figure.axes[0].get_xlabel() == f"the {MOST_CLASSES} rarest of 1000 classes"
    assert figure.axes[0].get_xticklabels()[0].get_text() == "class 0"


def test_differences_show_every_pair_its_mean_and_the_region_of_equivalence() -> None:
    (axes,) = draw_differences(one(), SETTINGS).axes
    shown = drawn(axes)
    assert {name: mean for name, (mean, _) in shown.items()} == pytest.approx({"smote": 0.18, "$a_$b": 0.0})
    table = one().table
    assert shown["smote"][1] == pytest.approx(table.loc["smote", ["baseline_low", "baseline_high"]].to_numpy(float))
    (dots,) = (line for line in axes.lines if line.get_marker() == ".")
    above = dots.get_ydata() < 1  # of the first row
    np.testing.assert_allclose(np.sort(dots.get_xdata()[above]), [0.12, 0.2, 0.22])
    assert axes.patches[0].get_x() == -0.01 and axes.patches[0].get_width() == pytest.approx(0.02)


def test_differences_to_the_control_are_its_own() -> None:
    found = one(values=VALUES | {"tuned_threshold": [0.6, 0.7, 0.65]})
    figure = draw_differences(found, SETTINGS, "control")
    assert "tuned_threshold" in figure.axes[0].get_xlabel()
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    means = {name: mean for name, (mean, _) in drawn(figure.axes[0]).items()}
    assert shown == [name for name in found.table.index if name != "tuned_threshold"]
    assert means == pytest.approx(found.table.control_difference.dropna().to_dict())
    assert figure.get_suptitle().startswith("Against the control, tuned_threshold: ")
    assert draw_differences(one(), SETTINGS, "control") is None


def test_better_worse_and_the_same_differ_in_shape_and_what_is_open_is_hollow() -> None:
    shapes = {verdict: marker(verdict)["marker"] for verdict in (BETTER, WORSE, SAME, FEW_RUNS)}
    assert len(set(shapes.values())) == 4 and shapes[BETTER] == "^" and shapes[WORSE] == "v"
    inside = {verdict: marker(verdict)["markerfacecolor"] for verdict in shapes}
    assert [verdict for verdict, colour in inside.items() if colour == "none"] == [FEW_RUNS]
    assert marker(FEW_ROWS) == marker(np.nan) == marker(FEW_RUNS)


def test_figures_side_by_side_have_one_scale() -> None:
    found = one(values=VALUES | {"tuned_threshold": [0.6, 0.7, 0.65]})
    figures = [draw_differences(found, SETTINGS, role) for role in ("control", "baseline")]
    ends = np.array([figure.axes[0].get_xlim() for figure in figures])
    same_scale(figures)
    for figure in figures:
        assert figure.axes[0].get_xlim() == (ends[:, 0].min(), ends[:, 1].max())


def test_the_calibration_error_is_never_below_0() -> None:
    ece = {"none": [0.001, 0.08, 0.002], "smote": [0.0, 0.09, 0.001], "$a_$b": [0.0, 0.0, 0.1]}
    found = one()
    runs, metrics = found.group.runs, found.group.metrics.copy()
    metrics["ece"] = [ece[name][int(seed)] for name, seed in zip(runs.strategy, runs.seed, strict=True)]
    found = replace(found, group=replace(found.group, metrics=metrics))
    (axes,) = draw_trade_off(found, SETTINGS).axes
    lowest = [segment[:, 0].min() for bar in axes.collections for segment in bar.get_segments()]
    assert axes.get_xlim()[0] == 0 == min(lowest)


def test_what_cannot_be_drawn_is_no_figure() -> None:
    without = one(values={"smote": [0.7], "ros": [0.6]})
    assert draw_differences(without, SETTINGS) is None
    assert draw_trade_off(replace(without, table=without.table.drop(columns="ece")), SETTINGS) is None
    assert draw_recalls(replace(without, recalls=without.recalls.iloc[:, :0])) is None
    assert draw_epochs(made_epochs(["run0"], ["a"]).assign(strategy="s", key="loss")) is None


def test_the_trade_off_puts_every_strategy_at_its_means() -> None:
    (axes,) = draw_trade_off(one(), SETTINGS).axes
    (lines,) = (lines for lines in axes.collections if not lines.get_clip_on())  # from the points to the names
    points = (line[0] for line in lines.get_segments())
    at = {text.get_text(): point for text, point in zip(axes.texts, points, strict=True)}
    assert at["smote"] == pytest.approx((0.09, 0.73))
    assert at["none"] == pytest.approx((0.15, 0.55))


@pytest.mark.parametrize("heights", [[0.0, 0.0, 0.0], [0.98, 0.99, 1.0], [0.1, 0.5, 0.51]])
def test_labels_keep_apart_and_inside(heights: list[float]) -> None:
    places = _apart(np.array(heights), 0.1)
    assert (np.diff(places) >= 0.1 - 1e-9).all()
    assert places.min() >= -1e-9 and places.max() <= 1 + 1e-9


def test_the_critical_difference_is_drawn_to_scale_without_pyplot() -> None:
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(0)
    means = pd.DataFrame(rng.normal([0.5, 0.6, 0.7], 0.05, (8, 3)), columns=["none", "$a_$b", "c"])
    across = across_datasets("mlp", means, SETTINGS)
    figure = draw_ranks(across)
    assert plt.get_fignums() == []
    bar = figure.axes[0].containers[0][2][0].get_segments()[0][:, 0]
    assert bar[1] - bar[0] == pytest.approx(across.critical_difference)
    shown = " ".join(texts(figure))
    assert all(f"({rank:.2f})" in shown for rank in across.ranks)
    assert f"CD = {across.critical_difference:.2f}" in shown


def test_long_names_with_one_beginning_stay_apart_in_the_diagram() -> None:
    names = ["none", "x" * 60 + "1", "x" * 60 + "2"]
    means = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 3)), columns=names)
    assert names[2] in " ".join(texts(draw_ranks(across_datasets("", means, SETTINGS))))


def test_epochs_show_the_mean_over_runs_for_each_strategy_and_class() -> None:
    epochs = made_epochs(["r0", "r1"], ["a", "b"])
    epochs["strategy"] = "smote"
    epochs.loc[epochs.run == "r1", "value"] += 0.1
    figure = draw_epochs(epochs)
    first, second = figure.axes[0].lines
    np.testing.assert_allclose(first.get_ydata(), np.arange(1, 6) / 7 + 0.05)
    np.testing.assert_allclose(second.get_ydata(), np.arange(2, 7) / 7 + 0.05)


def test_epochs_of_many_strategies_and_classes_are_capped() -> None:
    classes = [f"c{k}" for k in range(MOST_CURVES + 4)]
    epochs = made_epochs([f"r{k}" for k in range(MOST_PANELS + 3)], classes)
    figure = draw_epochs(epochs.assign(strategy=epochs.run))
    assert len([axes for axes in figure.axes if axes.lines]) == MOST_PANELS
    assert len(figure.axes[0].lines) == MOST_CURVES


def test_strategies_trained_alike_share_a_panel_that_names_them_and_marks_the_kept_epochs() -> None:
    epochs = made_epochs(["r0", "r1", "r2"], ["a"]).assign(strategy="none")
    kept = pd.DataFrame({"strategy": "none", "run": ["r0", "r1", "r2"], "epoch": [2, 4, 5]})
    figure = draw_epochs(epochs, {"none": ["none", "tuned_threshold"]}, kept)
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "none, and trained alike:\ntuned_threshold"
    _, ticks, line = axes.lines
    assert list(ticks.get_xdata()) == [2, 4, 5] and list(line.get_xdata()) == [4, 4]


def test_of_long_trainings_some_epochs_are_drawn() -> None:
    figure = draw_epochs(made_epochs(["r"], ["a"], epochs=150).assign(strategy="s"))
    assert list(figure.axes[0].lines[0].get_xdata()) == list(range(1, 151, 3))


@pytest.mark.parametrize("strategies", [2, 4, 40])
@pytest.mark.parametrize("long", [False, True])
def test_every_text_of_a_figure_is_within_it_and_names_are_clear_of_the_axes(strategies: int, long: bool) -> None:
    name = "borderline_smote(k_neighbors={},kind=borderline2)" if long else "s{}"
    rng = np.random.default_rng(0)
    names = ["none", "tuned_threshold", *(name.format(k) for k in range(strategies - 2))]
    classes = [f"a class with a long name {k}" if long else f"c{k}" for k in range(4 * strategies)]
    found = one(classes, {name: list(0.6 + rng.normal(0, 0.05, 3)) for name in names})
    drawings = [draw_differences(found, SETTINGS, role) for role in ("baseline", "control")]
    for figure in [*drawings, draw_recalls(found), draw_trade_off(found, SETTINGS)]:
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        inside, drawn_on = figure.bbox_inches.padded(0.02), figure.get_tightbbox(renderer)
        assert inside.contains(*drawn_on.min) and inside.contains(*drawn_on.max)
        axes = figure.axes[0]
        low, high = sorted(axes.get_ylim())
        names = [label for label in axes.get_yticklabels() if low <= label.get_position()[1] <= high]
        ends = [label.get_window_extent(renderer) for label in names]
        assert max(end.x1 for end in ends) < axes.bbox.x0
        if axes.get_ylabel():
            assert axes.yaxis.label.get_window_extent(renderer).x1 < min(end.x0 for end in ends)
