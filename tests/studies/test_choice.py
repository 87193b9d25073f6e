"""The study of `recommend`'s choice: nothing of the test side is seen, regret by hand, and a run on three sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.choice import gather, regret
from experiments.choice.__main__ import main
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.split import Holdout

PAIRS = [("none", "logreg"), ("logit_adjust", "logreg"), ("logit_adjust", "random_forest"), ("inv_freq", "logreg")]
PAIRS += [("tuned_threshold", "logreg"), ("inv_freq", "hist_gb"), ("logit_adjust", "hist_gb")]


def sides(name, inner, outer):
    """A set on which a candidate has the same value in both folds, but for a little."""
    index = pd.MultiIndex.from_tuples(PAIRS)
    columns = pd.MultiIndex.from_tuples([("balanced_accuracy", 0, fold) for fold in range(2)])
    rows = np.array(inner)[:, None] + [[0.0, 0.001]]
    table = pd.DataFrame({"balanced_accuracy": outer}, index=index)
    return gather.Sides(name, pd.DataFrame(rows, index=index, columns=columns), table, 0.25, 9.0)


def test_the_training_side_holds_no_row_of_the_test_side():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": np.arange(200.0) ** 2, "label": rng.choice(["a", "b"], 200, p=[0.8, 0.2])})
    data = Dataset.from_frame(frame, "label")
    rest = gather.training_side(data)
    (split,) = Holdout(validation=gather.VALIDATION, test=gather.TEST, seed=0).split(data)
    tested = data.take(split.test).x
    assert len(rest) + len(tested) == 200 and not set(rest.X.x) & set(tested)


def test_large_sets_are_cut_down_with_every_class_in_its_share():
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=8000), "label": ["a", "b", "b", "b"] * 2000})
    cut = gather.reduced(Dataset.from_frame(frame, "label"))
    assert len(cut) == gather.MAX_ROWS
    assert dict(zip(cut.class_names, cut.counts.tolist(), strict=True)) == {"b": 1500, "a": 500}


def test_regret_by_hand():
    inner = [0.5, 0.7, 0.6, 0.65, 0.68, 0.6, 0.5]
    outer = [0.5, 0.6, 0.9, 0.7, 0.65, 0.8, 0.4]
    sets = [sides(f"{letter}1", inner, outer) for letter in "abcdef"]
    chosen = regret.choices(sets)
    assert set(chosen["the best cross-validated mean"]) == {("logit_adjust", "logreg")}
    found = regret.table(regret.values(sets, chosen))
    assert found.regret["the best cross-validated mean"] == pytest.approx(0.9 - 0.6)
    assert found.regret["always logit_adjust random_forest"] == pytest.approx(0.0)
    assert found.regret["always inv_freq logreg"] == pytest.approx(0.9 - 0.7)
    assert found.more["recommend"] == 0


def test_what_a_set_says_has_no_part_in_its_own_choice(monkeypatch):
    seen = []
    monkeypatch.setattr(regret, "evidence_of", lambda sets, *_: seen.append([one.name for one in sets]))
    monkeypatch.setattr(regret, "RULES", {"any": lambda one, evidence, metric: PAIRS[0]})
    values = [0.5, 0.7, 0.6, 0.65, 0.68, 0.6, 0.5]
    regret.choices([sides(name, values, values) for name in ("yeast1", "yeast-2_vs_4", "glass0", "ecoli1")])
    assert seen == [["glass0", "ecoli1"], ["yeast1", "yeast-2_vs_4", "ecoli1"], ["yeast1", "yeast-2_vs_4", "glass0"]]


@pytest.mark.slow
def test_the_study_writes_its_answer_and_goes_on(tmp_path, capsys):
    typed = ["sets=iris0,new-thyroid1,zoo-3", "out=answer", "runs=runs", "jobs=1"]
    main(typed)
    page = (tmp_path / "answer" / "README.md").read_text()
    assert "| always logit_adjust logreg |" in page and "3 sets" in page
    assert len(pd.read_csv(tmp_path / "answer" / "tables" / "values.csv")) == 3
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("runs/*/*/*/record.json")}
    main(typed)
    assert before == {file: file.stat().st_mtime_ns for file in tmp_path.glob("runs/*/*/*/record.json")}
    assert (tmp_path / "answer" / "README.md").read_text() == page


@pytest.mark.parametrize("typed", [["sets=iris0"], ["repeats=2"], ["nonsense=1"]])
def test_what_changes_the_question_needs_a_place(typed):
    with pytest.raises(SystemExit):
        main(typed)
