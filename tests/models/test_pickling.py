from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.models.base import FittedModel, Learner, NetworkTraining
from imbalance_lab.models.estimator import Estimator
from imbalance_lab.models.network import Network
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.losses import LDAM, CrossEntropy

COUNTS = (400, 200)


def fitted(learner: Learner, loss, rows: int = 1) -> tuple[FittedModel, np.ndarray]:
    counts = np.array(COUNTS) * rows
    y = np.repeat([0, 1], counts)
    X = np.random.default_rng(0).normal(y[:, None], 1, size=(len(y), 6)).astype(np.float32)
    train = TrainingSet(X, y[:, None], counts[None].astype(float), np.ones((1, 2)))
    settings = Training(epochs=2, batch_size=64, optimizer=lambda: keras.optimizers.Adam(0.01))
    training = NetworkTraining(loss, settings)
    return learner.fit(train, Rows(X[::3], y[::3, None]), Seeds.spawn(0, 0), training), X


ALL = [
    (Network(hidden=[4], dropout=0.2), CrossEntropy()),
    (Network(hidden=[4]), LDAM()),  # with a head that Keras does not know by itself
    (Estimator(RandomForestClassifier(5)), None),
]


@pytest.mark.parametrize(("learner", "loss"), ALL, ids=["network", "cosine head", "estimator"])
def test_a_model_is_the_same_after_a_round_trip(learner: Learner, loss, tmp_path: Path) -> None:
    model, X = fitted(learner, loss)
    scores = model.predict_log_proba(X)
    joblib.dump(model, tmp_path / "model.joblib")
    for again in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"),
        copy.deepcopy(model),
        copy.copy(model),
    ):
        np.testing.assert_array_equal(again.predict_log_proba(X), scores)
        assert (model.history is None) == (again.history is None)
        assert model.history is None or model.history.equals(again.history)


def test_a_copy_stays_what_it_is_when_its_graph_trains_others() -> None:
    model, X = fitted(*ALL[0])
    again, scores = copy.deepcopy(model), model.predict_log_proba(X)
    again.net.set_weights([np.zeros_like(w) for w in again.net.get_weights()])
    assert not np.array_equal(again.predict_log_proba(X), scores)
    np.testing.assert_array_equal(model.predict_log_proba(X), scores)


def test_no_training_rows_are_kept() -> None:
    small, large = (len(pickle.dumps(fitted(Network(hidden=[4]), CrossEntropy(), rows)[0])) for rows in (1, 20))
    assert abs(large - small) < 100


def test_networks_open_in_a_fresh_process(tmp_path: Path) -> None:
    for name, (learner, loss) in enumerate(ALL[:2]):
        model, X = fitted(learner, loss)
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps((model, X, model.predict_log_proba(X))))
    code = (
        "import pickle, numpy, pathlib\n"
        "for name in '01':\n"
        "    model, X, scores = pickle.loads(pathlib.Path(name + '.pickle').read_bytes())\n"
        "    numpy.testing.assert_array_equal(model.predict_log_proba(X), scores)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
