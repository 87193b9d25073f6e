from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from imbalance_lab.data.rows import Rows, Seeds, TrainingSet
from imbalance_lab.errors import ConfigError, DataError, Incompatible
from imbalance_lab.models.base import NetworkTraining
from imbalance_lab.models.estimator import Estimator
from imbalance_lab.models.network import Network
from imbalance_lab.models.own import as_learner
from imbalance_lab.models.training import Training
from imbalance_lab.strategies.losses import LDAM, CrossEntropy, as_loss

dense = keras.layers.Dense
ONE_EPOCH = Training(epochs=1, batch_size=16, optimizer=lambda: keras.optimizers.SGD(0.1))


def data(counts=(40, 20, 10)):
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(y[:, None], 1, size=(len(y), 6)).astype(np.float32)
    train = TrainingSet(X, y[:, None], np.array([counts], float), np.ones((1, len(counts))))
    return train, Rows(X[::3], y[::3, None])


def fit(given, counts=(40, 20, 10), loss=None, seed=0):
    learner = as_learner(given)
    training = NetworkTraining(loss or CrossEntropy(), ONE_EPOCH) if learner.trains_by_loss else None
    return learner.fit(*data(counts), Seeds.spawn(seed, 0), training)


BODIES = {
    "list": [dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3)],
    "sequential": keras.Sequential([keras.Input((6,)), dense(8, "relu")]),
    "one layer": dense(4),
    "none": [],
    "function": lambda channels: [dense(8, "relu"), dense(channels)],
    "function of a sequential": lambda channels: keras.Sequential([dense(channels)]),
    "of another shape": [keras.layers.Reshape((3, 2)), keras.layers.Conv1D(4, 2), keras.layers.Flatten()],
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_layers_are_drawn_anew_by_the_seed_of_the_run(body) -> None:
    keras.utils.set_random_seed(1)
    first = fit(body)
    keras.utils.set_random_seed(2)
    again, other = fit(body), fit(body, seed=1)
    X = data()[0].X
    scores = [model.predict_log_proba(X) for model in (first, again, other)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_the_same_layers_learn_what_the_option_learns() -> None:
    """The seeds are drawn in the same order: a stack of one's own is the multilayer perceptron to the last bit."""
    ours, theirs = fit(Network(hidden=[8])), fit([dense(8, "relu")])
    np.testing.assert_array_equal(ours.predict_log_proba(data()[0].X), theirs.predict_log_proba(data()[0].X))


def test_regularisers_count_as_in_keras() -> None:
    """One step on all rows, from the same start, is one of Keras' own ``fit``."""
    body = [keras.layers.Dense(4, "tanh", kernel_regularizer=keras.regularizers.L2(0.5))]
    (train, validation), seeds = data(), Seeds.spawn(0, 0)
    settings = Training(epochs=1, batch_size=1000, optimizer=lambda: keras.optimizers.SGD(0.1))
    ours = as_learner(body).fit(train, validation, seeds, NetworkTraining(CrossEntropy(), settings))
    theirs = as_learner(body).build((6,), train.prior, seeds)
    theirs.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = theirs.fit(train.X, train.y, batch_size=1000, epochs=1, shuffle=False, verbose=0)
    for mine, keras_own in zip(ours.net.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=2e-5, atol=1e-6)
    assert ours.history["train/loss"][0] == pytest.approx(history.history["loss"][0], rel=1e-5)


def test_two_classes_have_one_channel_or_two() -> None:
    asked = []

    def layers(channels):
        asked.append(channels)
        return [dense(channels)]

    assert fit(layers, (30, 20)).predict_log_proba(data()[0].X).shape == (70, 1, 2)
    assert set(asked) == {1}
    assert fit([dense(3)], (30, 20), LDAM()).net.output_shape == (None, 2)  # with the head that this loss needs


def test_the_output_of_a_function_starts_at_the_prior() -> None:
    prior = np.array([[0.7, 0.2, 0.1]])
    net = as_learner(BODIES["function"]).build((6,), prior, Seeds.spawn(0, 0))
    np.testing.assert_allclose(net.layers[-1].bias, np.log(prior[0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (7, "neither a scikit-learn classifier"),
        (LogisticRegression, r"give an instance of it: LogisticRegression\(\)"),
        ([7], "no list of Keras layers"),
        (keras.Model(*2 * [keras.Input((6,))]), "no list of Keras layers"),
        (lambda channels: 7, "no list of Keras layers"),
        (lambda channels: [dense(channels + 1)], r"outputs of shape \(4,\) and 3 channels"),
        ([keras.layers.Lambda(lambda x: x)], "the layers cannot take rows"),
        ([keras.layers.Conv2D(3, 3)], r"cannot take rows of shape \(6,\)"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(given, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        fit(given)
    assert "\n" not in str(error.value)


def test_a_function_with_its_own_head_is_no_match_for_a_loss_that_needs_another() -> None:
    with pytest.raises(Incompatible, match="give the layers before it"):
        fit(BODIES["function"], loss=LDAM())


def test_a_loss_of_keras_trains_as_ours() -> None:
    theirs = as_loss(keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3)
    scores = [fit(Network(hidden=[4]), loss=loss).predict_log_proba(data()[0].X) for loss in (theirs, CrossEntropy())]
    np.testing.assert_allclose(*scores, rtol=1e-5)


def test_classifiers_and_learners() -> None:
    network = Network(hidden=[4])
    assert as_learner(network) is network
    wrapped = [as_learner(SVC()), as_learner(SVC(), "nothing")]
    assert [isinstance(learner, Estimator) for learner in wrapped] == [True, True]
    assert [learner.calibrated_for for learner in wrapped] == ["train", "nothing"]
    np.testing.assert_allclose(
        fit(LogisticRegression()).predict_log_proba(data()[0].X)[:, 0],
        LogisticRegression().fit(data()[0].X, data()[0].y[:, 0]).predict_log_proba(data()[0].X),
    )


def test_a_network_needs_a_loss() -> None:
    with pytest.raises(ConfigError, match="trained by a loss"):
        Network(hidden=[]).fit(*data(), Seeds.spawn(0, 0))


class Constant(ClassifierMixin, BaseEstimator):
    """Gives the same array for any rows."""

    def __init__(self, proba=None):
        self.proba = proba

    def fit(self, X, y):
        self.classes_ = np.unique(y)

    def predict_proba(self, X):
        return self.proba


class Distances(Constant):
    @property
    def predict_proba(self):
        raise AttributeError

    def decision_function(self, X):
        return self.proba


class Sevens(Constant):
    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 7)


EVEN = np.full((70, 3), 1 / 3)


@pytest.mark.parametrize(
    ("proba", "message"),
    [
        (EVEN * 21, "gives 7, which is no probability"),
        (EVEN * [1, 1, -1], "gives -0.333333, which is no probability"),
        (EVEN * 0.9, "sum to 0.9, not 1"),
        (np.where(EVEN > 0, np.nan, 0), "gives NaN"),
        (EVEN[:, :2], r"shape \(70, 2\) instead of \(70, 3\)"),
        (EVEN[:5], r"shape \(5, 3\) instead of \(70, 3\)"),
        (EVEN[:, 0], r"shape \(70,\)"),
        (EVEN.astype(str), "no numbers"),
    ],
)
def test_scores_that_are_no_probabilities_are_not_believed(proba: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=f"model Constant: its predict_proba .*{message}"):
        fit(Constant(proba)).predict_log_proba(data()[0].X)


def test_rounding_is_forgiven() -> None:
    scores = fit(Constant(np.float32(EVEN) + 1e-5)).predict_log_proba(data()[0].X)
    np.testing.assert_allclose(scores, np.log(1 / 3), atol=1e-4)


def test_distances_must_be_numbers_of_the_right_shape() -> None:
    for scores in (EVEN[:, :2], EVEN * np.inf, EVEN[:, 0]):
        with pytest.raises(DataError, match="model Distances: its decision_function gives"):
            fit(Distances(scores)).predict_log_proba(data()[0].X)
    assert fit(Distances(EVEN[:, 0]), (40, 30)).predict_log_proba(data()[0].X).shape == (70, 1, 2)
