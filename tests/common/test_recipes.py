"""Every recipe on the sets people bring: numbers, categories, mixed columns, tiny classes, labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.common.test_pairs import STRATEGIES
from tests.conftest import invoke, records

SETS = {
    "rare_binary": [],
    "four_classes": [],
    "two_labels": [],
    "yeast": ["dataset=keel", "dataset.name=yeast"],
    "page-blocks": ["dataset=keel", "dataset.name=page-blocks"],
    "car": ["dataset=keel", "dataset.name=car"],
    "mixed": ["dataset=csv", "dataset.path=mixed.csv", "dataset.target=label"],
}


def write_mixed(file: Path) -> None:
    """Write a table of numbers with gaps, text categories, booleans and three classes."""
    rng = np.random.default_rng(0)
    label = rng.choice(["fine", "late", "fraud"], p=[0.68, 0.24, 0.08], size=500)
    age = rng.normal(40, 10, 500) + 6 * (label == "fraud")
    age[rng.random(500) < 0.05] = np.nan
    colour = rng.choice(["red", "green", "blue"], 500)
    member = rng.random(500) < 0.3 + 0.4 * (label == "fraud")
    pd.DataFrame({"age": age, "colour": colour, "member": member, "label": label}).to_csv(file, index=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_every_compatible_recipe_runs_in_one_sweep(name: str, tmp_path: Path) -> None:
    write_mixed(tmp_path / "mixed.csv")
    quick = ["tracking=none", "training.epochs=1", "evaluation.resamples=50", "evaluation.figures=false"]
    data = SETS[name] or [f"dataset={name}"]
    assert invoke("-m", *quick, *data, f"strategy={','.join(STRATEGIES)}", "model=mlp,logreg") == 0
    said = records(tmp_path)
    assert len(said) == 2 * len(STRATEGIES)
    assert {record["outcome"] for record in said} == {"finished", "skipped"}
    skipped = [record for record in said if record["outcome"] == "skipped"]
    assert all("use " in record["reason"] for record in skipped)
    network = [record for record in skipped if record["model"] == "mlp"]
    samplers = {record["strategy"] for record in network}
    assert len(network) == len(samplers)
    assert not samplers & {"none", "inv_freq", "ros", "focal", "deferred+ldam", "la_loss", "logit_adjust"} - (
        {"ros"} if name == "two_labels" else set()
    )
