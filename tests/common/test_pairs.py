"""Every strategy with every model: it runs, or it is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab.config import CONF
from imbalance_lab.types import Incompatible

STRATEGIES = sorted(file.stem for file in (CONF / "strategy").glob("*.yaml"))
MODELS = sorted(file.stem for file in (CONF / "model").glob("*.yaml") if file.stem != "custom")
SMALL = {
    "random_forest": ["model.estimator.n_estimators=5"],
    "balanced_random_forest": ["model.estimator.n_estimators=5"],
    "easy_ensemble": ["model.estimator.n_estimators=2"],
    "rusboost": ["model.estimator.n_estimators=3"],
    "hist_gb": ["model.estimator.max_iter=3"],
}
TAKES_NO_WEIGHTS = {"knn", "easy_ensemble"}
NETWORKS = {"linear", "mlp"}


def refused(strategy: str, model: str) -> bool:
    return (strategy in ("inv_freq", "sqrt_inv") and model in TAKES_NO_WEIGHTS) or (
        strategy == "focal" and model not in NETWORKS
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_pair_runs_or_is_refused(strategy: str, model: str, tiny, run) -> None:
    binary = ["dataset.priors={no: 0.8, yes: 0.2}"] if strategy == "tuned_threshold" else []
    config = tiny(f"strategy={strategy}", f"model={model}", *binary, *SMALL.get(model, []))
    if refused(strategy, model):
        with pytest.raises(Incompatible, match=f"{model}.*use "):
            run(config)
        return
    record = run(config)
    assert record.strategy == strategy
    assert record.warnings == []
    scores = record.test.log_proba
    assert scores.dtype == np.float64
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-6)
    assert 0 < record.metrics["balanced_accuracy"] <= 1
