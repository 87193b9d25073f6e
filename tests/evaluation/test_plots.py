"""Figures of a run: what stands in them, not how they look."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from scipy.special import log_softmax
from sklearn.metrics import average_precision_score, precision_score, recall_score

from imbalance_lab.evaluation import plots
from imbalance_lab.evaluation.plots.palette import SAFE, styles
from imbalance_lab.evaluation.predictions import Predictions

NAMES = {"confusion_matrix", "recall_per_class", "precision_recall", "reliability", "epochs"}
EPOCHS, KEPT = 9, 4


def predictions(y: np.ndarray, classes: int, seed: int, offset: float) -> Predictions:
    """Return scores that favour the true class, decided with `offset` on the first class."""
    noise = np.random.default_rng(seed).normal(size=(len(y), classes))
    log_proba = log_softmax(noise + 1.5 * np.eye(classes)[y], axis=1)
    decided = (log_proba + offset * np.eye(classes)[0]).argmax(axis=1)
    return Predictions(np.arange(len(y)), y[:, None], log_proba[:, None], decided[:, None])


def subject(classes: int, rows: int = 400, offset: float = 1.0) -> plots.Subject:
    """Return a run on classes of which the first is the rarest and the last the most frequent."""
    names = [f"class {k}" for k in range(classes)]
    share = np.arange(1, classes + 1) / (classes * (classes + 1) / 2)
    counts = np.maximum((rows * share).astype(int), 2)
    y = np.repeat(np.arange(classes), counts)
    test, validation = (predictions(y, classes, seed, offset) for seed in (0, 1))
    recall = recall_score(y, test.predicted[:, 0], average=None)
    table = pd.DataFrame(
        {"train_rows": 3 * counts, "support": counts, "recall": recall, "low": recall - 0.1, "high": recall + 0.1},
        index=pd.Index(names, name="class"),
    )
    table["offset"] = np.r_[offset, np.zeros(classes - 1)]
    history = pd.DataFrame({"fold": 0, "epoch": np.arange(1, EPOCHS + 1), "train/loss": 0.5, "val/loss": 0.6})
    history["val/balanced_accuracy"] = np.linspace(0.3, 0.6, EPOCHS)
    history["kept"] = (history.epoch == KEPT).astype(int)
    recalls = pd.DataFrame(0.5, history.index, [f"val/recall/{name}" for name in names])
    history = pd.concat([history, recalls], axis=1)
    scores = test.log_proba[:, 0]
    average = {
        f"average_precision/{name}": average_precision_score(y == k, scores[:, k]) for k, name in enumerate(names)
    }
    metrics = {"balanced_accuracy": float(recall.mean()), "ece": 0.05, **average}
    return plots.Subject("data", "tuned mlp seed=3", [names], [test], [validation], table, metrics, (0.4, 0.7), history)


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")) if text.get_text())


def curve(figure: Figure, label: str, panel: int = 0):
    """Return the line that the legend names so."""
    (found,) = [line for line in figure.axes[panel].lines if str(line.get_label()).startswith(label)]
    return found


@pytest.mark.parametrize("classes", [2, 4, 10, 100])
def test_every_figure_is_drawn_written_and_titled(classes: int, tmp_path: Path) -> None:
    run = subject(classes, rows=3000)
    drawn = plots.draw(run)
    plots.save(drawn, tmp_path, ("png", "svg"))
    assert {file.stem for file in tmp_path.glob("*.png")} == NAMES == {file.stem for file in tmp_path.glob("*.svg")}
    assert all(file.stat().st_size > 3000 for file in tmp_path.iterdir())
    rows = f"{len(run.test[0].rows):,}"
    for figure in drawn.values():
        first, second = figure.get_suptitle(), figure.texts[1].get_text()
        assert first[0].isupper()
        assert second == f"data, tuned mlp seed=3, {rows} test rows"
    assert (
        f"balanced accuracy {run.metrics['balanced_accuracy']:.3f} [0.400, 0.700]"
        in drawn["recall_per_class"].get_suptitle()
    )


@pytest.mark.parametrize("classes", [2, 4, 10, 100])
def test_nothing_leaves_the_page_and_no_labels_overlap(classes: int) -> None:
    for name, figure in plots.draw(subject(classes, rows=3000)).items():
        figure.canvas.draw()
        page = figure.bbox.padded(2)
        for axes in figure.axes:
            if not axes.get_visible() or not axes.axison:
                continue
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
                labels = [label for tick in ticks for label in (tick.label1, tick.label2) if label.get_visible()]
                boxes = [label.get_window_extent() for label in labels if label.get_text()]
                for box in boxes:
                    assert page.contains(box.x0, box.y0), (name, box)
                    assert page.contains(box.x1, box.y1), (name, box)
                assert not any(a.padded(-1).overlaps(b.padded(-1)) for a, b in combinations(boxes, 2)), name
        for text in figure.texts:
            assert page.contains(text.get_window_extent().x1, text.get_window_extent().y0), (name, text)


def test_a_class_has_one_colour_in_all_figures() -> None:
    run = subject(4)
    drawn = plots.draw(run)
    bars = [to_hex(bar.get_facecolor()) for bar in drawn["recall_per_class"].axes[0].patches]
    assert [colour.upper() for colour in bars] == list(SAFE[:4])  # the rarest first
    for k, colour in enumerate(bars):
        assert curve(drawn["precision_recall"], f"class {k},").get_color().upper() == colour.upper()
        assert curve(drawn["epochs"], f"class {k}").get_color().upper() == colour.upper()
    two = plots.draw(subject(2))
    reliability = two["reliability"].axes[0].lines[1].get_color()
    assert reliability == curve(two["precision_recall"], "class 1").get_color()


# Machado, Oliveira and Fernandes (2009), severity 1, of linear RGB.
SEEN = {
    "all": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour: str, seen: str) -> np.ndarray:
    """Return a colour in CIELAB as people see it who lack one kind of cones."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(SEEN[seen]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", SEEN)
def test_eight_colours_are_told_apart_by_everybody(seen: str) -> None:
    """A difference of 2.3 is just noticeable; 15 is told apart at a glance."""
    assert min(np.linalg.norm(lab(a, seen) - lab(b, seen)) for a, b in combinations(SAFE, 2)) > 15


def test_more_classes_grow_lighter_with_frequency() -> None:
    classes = pd.DataFrame({"train_rows": [5, 100, 1, *range(200, 220)]}, index=[f"c{k}" for k in range(23)])
    by_name = styles(classes, [list(classes.index)])
    lightness = [lab(by_name[name].colour, "all")[0] for name in classes.sort_values("train_rows").index]
    assert (np.diff(lightness) > 0).all()
    assert lightness[-1] < 85  # still seen on white paper


@pytest.mark.parametrize("classes", [2, 4])
def test_prevalence_and_operating_point(classes: int) -> None:
    run = subject(classes)
    (test,) = run.test
    axes = plots.draw(run)["precision_recall"].axes[0]
    y, decided = test.y[:, 0], test.predicted[:, 0]
    dotted = [line.get_ydata() for line in axes.lines if line.get_linestyle() == ":"]
    levels = {round(float(heights[0]), 9) for heights in dotted if len(heights)}
    points = {tuple(np.round(line.get_xydata()[0], 9)) for line in axes.lines if len(line.get_xdata()) == 1}
    for k in [1] if classes == 2 else range(classes):
        assert round(float((y == k).mean()), 9) in levels
        expected = recall_score(y == k, decided == k), precision_score(y == k, decided == k)
        assert tuple(np.round(expected, 9)) in points
    assert len(points) == (1 if classes == 2 else classes)


def test_the_operating_point_of_two_classes_is_on_the_curve() -> None:
    axes = plots.draw(subject(2))["precision_recall"].axes[0]
    (point,) = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    (drawn,) = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) > 2]
    assert np.abs(drawn - point).max(axis=1).min() < 1e-9


def test_reliability_counts_the_rows_and_marks_the_threshold() -> None:
    run = subject(2, offset=np.log(3))
    top, below = plots.draw(run)["reliability"].axes
    assert sum(bar.get_height() for bar in below.patches) == len(run.test[0].rows)
    dashed = [line.get_xdata()[0] for line in top.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 2]
    assert dashed == pytest.approx([0.75])  # p > 3 (1 - p)
    assert "from 0.750" in texts(top.figure)
    assert "reliability" not in plots.draw(replace(run, metrics={"balanced_accuracy": 0.5}))  # scores of a SVM


def test_the_kept_epoch_and_what_the_decision_made_of_it() -> None:
    run = subject(4)
    (validation,) = run.validation
    figure = plots.draw(run)["epochs"]
    kept = curve(figure, "kept: epoch")
    assert kept.get_label() == f"kept: epoch {KEPT}"
    assert set(kept.get_xdata()) == {KEPT}
    star = curve(figure, "balanced accuracy\nafter the decision")
    y = validation.y[:, 0]
    largest = validation.log_proba[:, 0].argmax(axis=1)
    before, after = (recall_score(y, each, average=None) for each in (largest, validation.predicted[:, 0]))
    assert star.get_xydata().tolist() == [[KEPT, pytest.approx(after.mean())]]
    slopes = [tuple(line.get_ydata()) for line in figure.axes[1].lines]
    assert slopes == [pytest.approx(pair) for pair in [(before.mean(), after.mean()), *zip(before, after, strict=True)]]
    assert figure.get_suptitle().endswith(
        f"balanced accuracy {before.mean():.3f}, after the decision {after.mean():.3f}"
    )


def test_where_the_largest_score_wins_there_is_no_before() -> None:
    drawn = plots.draw(subject(4, offset=0.0))
    assert "the decision" not in texts(drawn["epochs"]) + texts(drawn["recall_per_class"])
    moved = plots.draw(subject(4))
    assert "before the decision" in texts(moved["recall_per_class"])


def test_without_validation_rows_the_training_loss_is_drawn() -> None:
    run = subject(4)
    nobody = Predictions(*(array[:0] for array in run.validation[0]))
    run = replace(run, validation=[nobody], history=run.history[["fold", "epoch", "train/loss", "kept"]])
    figure = plots.draw(run)["epochs"]
    assert figure.get_suptitle() == "Training loss by epoch"
    assert set(curve(figure, "kept: epoch").get_xdata()) == {KEPT}
    assert {f"kept: epoch {KEPT}", "training loss"} <= set(texts(figure).split("\n"))


def test_folds_keep_an_epoch_each() -> None:
    one = subject(4)
    kept = [(one.history.epoch == epoch).astype(int) for epoch in (3, 8)]
    folds = [one.history.assign(fold=number, kept=each) for number, each in enumerate(kept)]
    two = replace(one, test=one.test * 2, validation=one.validation * 2, history=pd.concat(folds))
    figure = plots.draw(two)["epochs"]
    assert curve(figure, "kept").get_label() == "kept: epochs 3 to 8"
    assert curve(figure, "balanced accuracy\nafter").get_xdata()[0] == 5.5
    assert figure.texts[1].get_text().endswith("test rows of 2 folds")


def test_a_hundred_classes_are_summed_up() -> None:
    run = subject(100, rows=5000)
    drawn = plots.draw(run)
    top, below = drawn["recall_per_class"].axes[:2]
    heights = top.collections[1].get_offsets()[:, 1]
    np.testing.assert_allclose(heights, np.sort(run.classes.recall))
    worst = [label.get_text().split(" (")[0] for label in below.get_yticklabels()]
    assert len(worst) == 10
    assert run.classes.recall[worst].max() <= np.sort(run.classes.recall)[9]
    y, decided = run.test[0].y[:, 0], run.test[0].predicted[:, 0]
    pairs = pd.Series(list(zip(y[y != decided], decided[y != decided], strict=True))).value_counts()
    listed = drawn["confusion_matrix"].axes[1].texts
    assert len(listed) == 10
    assert f": {pairs.iloc[0]} of " in listed[0].get_text()
    image = drawn["confusion_matrix"].axes[0].images[0].get_array()
    assert image.shape == (100, 100)
    assert np.trace(image) / 100 == pytest.approx(run.classes.recall.mean())
    averages = drawn["precision_recall"].axes[1].collections[0].get_offsets()
    assert len(averages) == 100
    labels = [line.get_label() for line in drawn["epochs"].axes[0].lines]
    assert labels[1:4] == ["rarest 34 classes", "middle 33 classes", "most frequent 33 classes"]


def test_the_confusion_matrix_keeps_the_natural_order_and_shows_its_counts() -> None:
    run = subject(4)
    run = replace(run, classes=run.classes.assign(train_rows=[9, 1, 5, 7]))
    axes = plots.draw(run)["confusion_matrix"].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == run.tasks[0]
    assert sum(int(text.get_text()) for text in axes.texts) == len(run.test[0].rows)
    assert int(axes.texts[0].get_text()) == round(run.classes.recall.iloc[0] * run.classes.support.iloc[0])


def test_labels_have_figures_of_their_own_and_their_absence_is_grey() -> None:
    rng = np.random.default_rng(0)
    y, log_proba = rng.integers(2, size=(50, 2)), log_softmax(rng.normal(size=(50, 2, 2)), axis=2)
    part = Predictions(np.arange(50), y, log_proba, log_proba.argmax(axis=2))
    tasks = [["not hat", "hat"], ["not bag", "bag"]]
    names = [name for task in tasks for name in task]
    table = pd.DataFrame({"train_rows": 25, "support": 25, "recall": 0.5, "low": 0.4, "high": 0.6}, index=names)
    metrics = {"balanced_accuracy": 0.5, "average_precision/hat": 0.5, "average_precision/bag": 0.5}
    drawn = plots.draw(plots.Subject("data", "none mlp", tasks, [part], [part], table, metrics, (0.4, 0.6)))
    assert {"precision_recall_hat", "precision_recall_bag", "confusion_matrix_hat"} <= set(drawn)
    grey = [to_hex(bar.get_facecolor()) == "#999999" for bar in drawn["recall_per_class"].axes[0].patches]
    assert sum(grey) == 2


def test_a_name_is_text_however_it_is_written(tmp_path: Path) -> None:
    run = subject(2)
    nasty = ["$10_$20", "<b>&\\frac" * 9]
    renamed = replace(run, tasks=[nasty], classes=run.classes.set_axis(nasty), dataset="$x_$y" * 40, history=None)
    plots.save(plots.draw(renamed), tmp_path, ["png", "svg", "pdf"])
    assert {file.suffix for file in tmp_path.iterdir()} == {".png", ".svg", ".pdf"}


@pytest.mark.parametrize(("classes", "rows", "of"), [(100, 400, ""), (30, 400, " with 10 rows or more")])
def test_rare_classes_are_said_to_have_ten_rows_only_where_they_have(classes: int, rows: int, of: str) -> None:
    drawn = plots.draw(subject(classes, rows))["precision_recall"].axes[0]
    assert drawn.get_title(loc="left") == f"the 5 rarest classes{of}"


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        plots.save(plots.draw(subject(2)), tmp_path / name, plots.FORMATS)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_a_class_named_by_a_sign_that_no_font_has_is_drawn_without_a_warning(tmp_path: Path) -> None:
    """Warnings are errors in tests."""
    drawn = plots.draw(subject(2))
    next(iter(drawn.values())).text(0.5, 0.5, "🐟")
    plots.save(drawn, tmp_path)
    assert len(list(tmp_path.glob("*.png"))) == len(drawn)
