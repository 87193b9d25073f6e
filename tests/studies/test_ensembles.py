"""The script that holds the ensembles that balance against imbalanced-ensemble; it is not run here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.ensembles import __main__ as ensembles
from experiments.ensembles import scores


def side(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"set": "pima", "model": "m", "seed": range(len(values)), "average_precision": values})


def test_differences_are_told_in_standard_errors_of_the_seeds() -> None:
    table = ensembles.compared(side([0.5, 0.7]), side([0.4, 0.6]), by=["set"])
    assert table.loc["pima"].tolist() == ["0.6000 ± 0.1414", "0.5000 ± 0.1414", "+0.1000", "0.1414", "+0.7"]


def test_every_row_is_tested_in_one_fold(tmp_path: Path) -> None:
    ensembles.write_folds(tmp_path / "folds.npz")
    folds = np.load(tmp_path / "folds.npz")
    for name in ensembles.SETS:
        y, fold = folds[f"{name}/y"], folds[f"{name}/fold"]
        assert [np.bincount(y[fold == k]).min() > 0 for k in range(ensembles.FOLDS)] == [True] * ensembles.FOLDS
        assert np.isfinite(folds[f"{name}/X"]).all()


def test_ours_are_the_options_of_these_names() -> None:
    from imbalance_lab.options import option

    for name, classifier in scores.ours(members=50, seed=0).items():
        written = option("model", name).build().estimator
        assert type(written) is type(classifier)
        alike = set(written.get_params()) - {"random_state"}
        assert {key for key in alike if repr(written.get_params()[key]) != repr(classifier.get_params()[key])} == set()


def test_without_another_environment_it_says_how_to_make_one() -> None:
    with pytest.raises(SystemExit, match="pip install imbalanced-ensemble"):
        ensembles.main([])


def test_the_answer_is_checked_in() -> None:
    page = (ensembles.HERE / "README.md").read_text()
    assert all(f"| {name} |" in page for name in ensembles.SETS)
