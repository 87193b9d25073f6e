from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from imbalance_lab.evaluation import plots as figures
from imbalance_lab.evaluation.predictions import Predictions


@pytest.mark.parametrize("classes", [2, 4, 45])
def test_every_figure_is_drawn_and_written(classes: int, tmp_path) -> None:
    rng = np.random.default_rng(0)
    y = np.r_[np.arange(classes), rng.integers(classes, size=200)]
    log_proba = log_softmax(rng.normal(size=(len(y), classes)), axis=1)
    names = [f"class {k}" for k in range(classes)]
    table = pd.DataFrame({"recall": 0.5, "low": 0.4, "high": 0.7, "support": range(classes)}, index=names)
    history = pd.DataFrame({"fold": 0, "epoch": [1, 2], "val/balanced_accuracy": [0.5, 0.6], "val/recall/class 1": 0.5})
    predictions = Predictions(np.arange(len(y)), y[:, None], log_proba[:, None], log_proba.argmax(1)[:, None])
    drawn = figures.draw(predictions, [names], table, history, "title")
    figures.save(drawn, tmp_path)
    assert {file.stem for file in tmp_path.glob("*.png")} == {
        "confusion_matrix", "recall_per_class", "precision_recall", "reliability", "epochs",
    }  # fmt: skip
    assert all(file.stat().st_size > 3000 for file in tmp_path.glob("*.png"))


def test_the_confusion_matrix_shows_its_counts() -> None:
    log_proba = np.log(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    drawn = figures.draw_confusion(Predictions(np.arange(3), np.array([0, 1, 1]), log_proba, np.array([0, 1, 0])), "ab")
    assert [text.get_text() for text in drawn.axes[0].texts] == ["1", "0", "1", "1"]
