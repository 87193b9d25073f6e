"""Every strategy with every model: it runs, or it is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab import options
from imbalance_lab.app.border import job_of
from imbalance_lab.errors import Incompatible
from imbalance_lab.options import CONF

NEED_SETTINGS = ("custom", "by_hand", "budget", "fixed_threshold", "max_precision_at_recall", "max_recall_at_precision")
STRATEGIES = [name for name in options.strategies() if name not in NEED_SETTINGS]
MODELS = sorted(file.stem for file in (CONF / "model").glob("*.yaml") if file.stem != "custom")
FEW_ROUNDS = {
    "random_forest": ["model.estimator.n_estimators=5"],
    "balanced_random_forest": ["model.estimator.n_estimators=5"],
    "easy_ensemble": ["model.estimator.n_estimators=2"],
    "rusboost": ["model.estimator.n_estimators=3", "dataset.separation=4"],
    "hist_gb": ["model.estimator.max_iter=3"],
    "self_paced": ["model.estimator.n_estimators=3"],
    "balance_cascade": ["model.estimator.n_estimators=3"],
    "under_bagging": ["model.estimator.n_estimators=3"],
    "lightgbm": ["model.estimator.n_estimators=10"],
    "xgboost": ["model.estimator.n_estimators=10"],
    "catboost": ["model.estimator.iterations=10"],
}
# Refused on the set used here: two are for categories, one finds no cluster.
DATA_DEPENDENT = {"smote_nc", "smote_n", "kmeans_smote"}


# Every pair is tried; those that only repeat what another model shows (two networks, several trees) when asked for.
QUICK = {"mlp", "logreg", "knn"}
LABELS_WITH = {"mlp", "logreg"}  # labels go one by one through every scikit-learn model alike
PAIRS = [
    pytest.param(dataset, strategy, model, marks=[] if model in QUICK else pytest.mark.slow)
    for dataset in ("synthetic", "two_labels")
    for strategy in STRATEGIES
    for model in MODELS
    if dataset == "synthetic" or model in LABELS_WITH
]


@pytest.mark.parametrize(("dataset", "strategy", "model"), PAIRS)
def test_pair_runs_or_is_refused(dataset: str, strategy: str, model: str, tiny, run) -> None:
    if model in options.EXTRAS:
        pytest.importorskip(model, reason=f"{model} is not installed: pip install 'imbalance-lab[boosting]'")
    config = tiny(f"dataset={dataset}", f"strategy={strategy}", f"model={model}", *FEW_ROUNDS.get(model, []))
    said = None
    try:
        record = run(config)
    except Incompatible as refusal:
        said = str(refusal)
    if said is not None:
        assert "use " in said
        assert any(f"={option}" in said for option in config.options.values()) or config.options.sampler != "none"
        must_run = strategy == "none" or (model == "mlp" and strategy not in DATA_DEPENDENT and dataset == "synthetic")
        assert not must_run, said
        return
    assert record.strategy == job_of(config).identity.strategy
    assert record.test.log_proba.dtype == np.float64
    np.testing.assert_allclose(np.exp(record.test.log_proba).sum(axis=-1), 1, atol=1e-6)
    assert 0 < record.metrics["balanced_accuracy"] <= 1
    assert [text for text in record.warnings if "Warning: " in text] == []


REFUSED = [
    ("focal", "logreg", "loss=focal cannot train model=logreg"),
    ("mixup", "logreg", "representation=mixup is a way to train a network and model=logreg is none"),
    ("inv_freq", "knn", "class_weight=inv_freq means nothing to model=knn"),
    ("deferred", "logreg", "class_weight=deferred waits for a share of the epochs and model=logreg has none"),
    ("balanced_batches", "svm", "sampler=balanced_batches draws the batches of a network and model=svm has none"),
    ("logit_adjust", "svm", "decision=logit_adjust works on probabilities and the scores of model=svm are none"),
    ("smote_nc", "logreg", "SMOTENC is for mixed columns; use sampler=smote"),
]


@pytest.mark.parametrize(("strategy", "model", "said"), REFUSED)
def test_refusals_say_why(strategy: str, model: str, said: str, tiny, run) -> None:
    with pytest.raises(Incompatible) as refusal:
        run(tiny(f"strategy={strategy}", f"model={model}"))
    assert said in str(refusal.value)


def test_a_prior_is_not_taken_from_scores_that_carry_none(tiny, run) -> None:
    with pytest.raises(Incompatible, match="scores of loss=focal are none; use decision=tuned_threshold"):
        run(tiny("loss=focal", "decision=logit_adjust", "model=linear"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["representation=remix", "decision=logit_adjust"], "scores after representation=remix are none"),
        (["representation=tau_norm", "loss=ldam"], "loss=ldam has an output where it does not count; use"),
        (["representation=lws", "loss=influence_balanced"], "goes by the features before them; use representation=crt"),
        (["representation=crt", "dataset=two_labels"], "representation=crt needs one class per row.*2 labels; use"),
    ],
)
def test_a_representation_is_refused_where_it_means_nothing(typed, said, tiny, run) -> None:
    with pytest.raises(Incompatible, match=said):
        run(tiny(*typed, "model=linear"))


def test_samplers_are_refused_for_labels(tiny, run) -> None:
    with pytest.raises(Incompatible, match=r"sampler=ros needs one class per row.*2 labels.*strategy=inv_freq"):
        run(tiny("dataset=two_labels", "strategy=ros", "model=logreg"))
