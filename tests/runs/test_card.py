"""The model card: facts of the model, and what follows from them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import imbalance_lab as lab


def rows(n: int = 300) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    y = pd.Series(np.where(np.arange(n) % 15 == 0, "ill|er", "well"))
    X = pd.DataFrame({"lab": rng.standard_normal(n) + 2 * (y != "well"), "place": rng.choice(["n", "s"], n)})
    X.loc[::10, "lab"] = np.nan
    return X, y


def card(classifier: lab.Classifier, folder: Path) -> str:
    return (classifier.save(folder / "kept") / "card.md").read_text()


def test_it_says_what_the_model_is(tmp_path: Path) -> None:
    X, y = rows()
    classifier = lab.Classifier("inv_freq", "logreg", decision="logit_adjust", seed=5).fit(X, y)
    text = card(classifier, tmp_path)
    assert "strategy: `inv_freq+logit_adjust`" in text and "model: `logreg`" in text and "seed: 5" in text
    assert "| well | 280 | 280 |" in text
    assert r"| ill\|er | 20 | 20 |" in text  # a bar in a name opens no cell
    assert f"| lab | numeric | {X.lab.min():.6g} to {X.lab.max():.6g} | 10.0% |" in text
    assert "| place | categorical | n, s | 0.0% |" in text
    (threshold,) = re.findall(r"- ill\|er from a probability of (\S+)", text)
    assert float(threshold) == pytest.approx(0.5)  # weighted to equal shares, and corrected for them
    assert "Nothing: it was fitted without test rows." in text


def test_its_warnings_follow_from_facts(tmp_path: Path) -> None:
    X, y = rows()
    text = card(lab.Classifier("inv_freq", "logreg").fit(X, y), tmp_path)
    assert "It has seen few rows of ill|er (20)" in text
    assert "No value was missing in place;" in text
    assert "too high or too low for well, ill|er" in text
    plain = card(lab.Classifier("none", "logreg").fit(X.fillna({"lab": 0.0}), y), tmp_path)
    assert "too high or too low" not in plain
    assert "No value was missing in lab, place;" in plain
    assert "no probabilities: read only the classes" in card(lab.Classifier("none", "svm").fit(X, y), tmp_path)


def test_it_holds_what_the_run_measured(tmp_path: Path) -> None:
    record = lab.run("four_classes", "tuned_threshold", "logreg", evaluation={"resamples": 50}, split="cv")
    text = card(lab.refit(record), tmp_path)
    low, high = record.intervals.loc["balanced_accuracy", ["low", "high"]]
    assert f"| balanced accuracy | {record.metrics['balanced_accuracy']:.4g} | {low:.3f} to {high:.3f} |" in text
    rows = len(record.test.rows)
    assert (
        f"whose models were trained on fewer of these rows, on {rows:,} test rows of {len(record.folds)} folds" in text
    )
    fold = card(record.classifier(1), tmp_path)
    assert f"By fold 2 of {len(record.folds)} of the run" in fold
    assert f"| balanced accuracy | {record.folds[1].metrics['balanced_accuracy']:.4g} |  |" in fold
