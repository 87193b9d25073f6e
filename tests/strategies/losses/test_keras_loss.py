from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from imbalance_lab import options
from imbalance_lab.errors import ConfigError
from imbalance_lab.strategies import losses
from imbalance_lab.strategies.losses import LDAM, CostMatrix, Focal, InfluenceBalanced, KerasLoss, LogitAdjusted
from imbalance_lab.strategies.losses.base import Loss

EVERY = {
    name: loss for name in options.names("loss") if not (loss := options.option("loss", name).build()).needs_features
}
COUNTS = {2: [90, 10], 4: [198, 436, 710, 272]}


def sample(classes: int, rows: int = 30):
    rng = np.random.default_rng(classes)
    channels = 1 if classes == 2 else classes
    return rng.integers(classes, size=rows), rng.normal(size=(rows, channels)).astype(np.float32) * 3


def ours(loss: Loss, y: np.ndarray, z: np.ndarray, classes: int) -> np.ndarray:
    logits = np.column_stack([np.zeros(len(z), np.float32), z]) if classes == 2 else z
    return loss(y, tf.constant(logits), tf.constant(COUNTS[classes], tf.float32)).numpy()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", EVERY)
def test_every_loss_is_ours_for_labels_of_any_form(name: str, classes: int) -> None:
    (y, z), loss = sample(classes), EVERY[name]
    expected, adapter = ours(loss, y, z, classes), loss.keras(counts=COUNTS[classes])
    weight = np.random.default_rng(0).uniform(size=len(y)).astype(np.float32)
    for labels in (y, y[:, None], y.astype(np.float32), np.eye(classes)[y]):
        np.testing.assert_array_equal(adapter.call(tf.constant(labels), tf.constant(z)), expected)
        np.testing.assert_allclose(adapter(labels, z), expected.mean(), rtol=1e-6)
        np.testing.assert_allclose(adapter(labels, z, weight), (expected * weight).mean(), rtol=1e-5)


def test_two_channels_of_two_classes_are_two_logits() -> None:
    y, z = sample(2)
    both = np.column_stack([np.zeros_like(z), z])
    np.testing.assert_array_equal(Focal().keras()(y, both), Focal().keras()(y, z))


def test_a_value_by_hand() -> None:
    assert float(Focal(gamma=2).keras()(np.array([[1]]), np.array([[0.0]]))) == pytest.approx(0.25 * np.log(2))
    # The rare class of 90 and 10 at even logits has the probability 1/10 once the sizes are added.
    assert float(LogitAdjusted().keras([90, 10])(np.array([1]), np.zeros((1, 2)))) == pytest.approx(np.log(10))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", EVERY)
def test_probabilities_stand_for_the_logits_they_are_of(name: str, classes: int) -> None:
    y, z = sample(classes)
    if name in ("vector_scaling", "asymmetric") and classes == 4:  # which another number for all of a row changes
        z = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    proba = 1 / (1 + np.exp(-z)) if classes == 2 else np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    of_logits, of_proba = (EVERY[name].keras(COUNTS[classes], from_logits=given) for given in (True, False))
    np.testing.assert_allclose(of_proba(y, proba), of_logits(y, z), rtol=1e-4)
    assert KerasLoss.from_config(of_proba.get_config()).from_logits is False


def test_certain_probabilities_cost_what_they_cost_in_keras() -> None:
    y, certain = np.array([0, 1, 1, 0]), np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]], np.float32)
    keras_own = keras.losses.SparseCategoricalCrossentropy()(y, certain)
    assert float(Focal(gamma=0).keras(from_logits=False)(y, certain)) == pytest.approx(float(keras_own), rel=1e-5)
    with tf.GradientTape() as tape:
        outputs = tf.constant([[0.0], [1.0]])
        tape.watch(outputs)
        value = Focal().keras(from_logits=False)(np.array([1, 0]), outputs)
    assert np.isfinite(value) and np.isfinite(tape.gradient(value, outputs)).all()


def test_a_fresh_process_loads_the_model_if_it_names_the_class(tmp_path: Path) -> None:
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "softmax")])
    net.compile("sgd", Focal(gamma=3.0).keras(from_logits=False))
    net.save(tmp_path / "model.keras")
    code = (
        "import sys, imbalance_lab as lab; assert not {'tensorflow', 'keras'} & set(sys.modules); import keras; "
        "net = keras.saving.load_model('model.keras', custom_objects={'KerasLoss': lab.losses.KerasLoss}); "
        "print(net.loss.loss, net.loss.from_logits)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "Focal(gamma=3.0, alpha=None) False"


@pytest.mark.parametrize("name", EVERY)
def test_the_loss_is_saved_with_the_model(name: str, tmp_path: Path) -> None:
    y, z = sample(4)
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    net.compile("sgd", EVERY[name].keras(counts=COUNTS[4]), weighted_metrics=[])
    net.fit(z, y, sample_weight=np.ones(len(y)), epochs=1, verbose=0)
    net.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.loss == EVERY[name]
    assert again.evaluate(z, y, verbose=0) == net.evaluate(z, y, verbose=0)
    one_hot = np.eye(4)[y]
    assert again.evaluate(z, one_hot, verbose=0) == pytest.approx(net.evaluate(z, y, verbose=0))


def test_the_gradient_arrives() -> None:
    y, z = sample(4)
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    net.compile(keras.optimizers.Adam(0.05), Focal().keras())
    before = net.evaluate(z, y, verbose=0)
    net.fit(z, y, epochs=10, verbose=0)
    assert net.evaluate(z, y, verbose=0) < 0.7 * before


def test_settings_by_class_name_are_saved_by_number() -> None:
    y, z = sample(2)
    adapter = Focal(alpha={"sick": 3}).keras(class_names=["well", "sick"])
    again = KerasLoss.from_config(adapter.get_config())
    assert again.loss == Focal(alpha=[1.0, 3.0])
    np.testing.assert_array_equal(again(y, z), adapter(y, z))
    known = ours(Focal(alpha=[0.75, 0.25]), y, z, 2).mean()
    assert float(Focal(alpha=0.25).keras()(y, z)) == pytest.approx(known)


@keras.saving.register_keras_serializable("tests")
class Mine(Focal):
    """A loss of one's own that Keras knows."""


class Unknown(Focal):
    """A loss of one's own that Keras does not know."""


def test_a_loss_class_of_ones_own_is_saved_if_keras_knows_it() -> None:
    config = Mine(gamma=3.0).keras().get_config()
    assert config["loss"] == "tests>Mine"
    assert KerasLoss.from_config(config).loss == Mine(gamma=3.0)
    with pytest.raises(ConfigError, match="register_keras_serializable"):
        Unknown().keras().get_config()
    for name in ("os.system", "tests>Nothing", "Network"):  # nothing is looked up that was not registered
        with pytest.raises(ConfigError, match="there is no loss"):
            KerasLoss.from_config(config | {"loss": name})


@pytest.mark.parametrize("name", [name for name, loss in EVERY.items() if loss.needs_counts])
def test_losses_that_depend_on_class_sizes_ask_for_them(name: str) -> None:
    with pytest.raises(ConfigError, match="depends on class sizes: give counts="):
        EVERY[name].keras()


def test_which_losses_depend_on_class_sizes() -> None:
    """Those, and only those, whose values change with the sizes."""
    y, z = sample(4)
    for name, loss in EVERY.items():
        one, other = (loss(y, tf.constant(z), tf.constant(n, tf.float32)).numpy() for n in (COUNTS[4], [1, 2, 30, 4]))
        assert np.array_equal(one, other) != loss.needs_counts, name
    assert not CostMatrix([[0, 1], [2, 0]]).needs_counts


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda y, z: Focal().keras(counts=[1, -1]), "counts must be"),
        (lambda y, z: Focal().keras(counts="many"), "counts must be"),
        (lambda y, z: InfluenceBalanced().keras(), "needs the features before the output layer"),
        (lambda y, z: LDAM().keras(counts=[5, 6, 7])(y, z), "counts of 3 classes, and the outputs are of 4"),
        (lambda y, z: Focal(alpha=[1, 2]).keras(counts=[5, 6, 7]), "2 weights for 3 classes"),
        (lambda y, z: Focal().keras()(y, z[:, :, None]), r"shape \(b, 1\) or \(b, C\), not \(30, 4, 1\)"),
        (lambda y, z: Focal().keras()(np.eye(3)[y % 3], z), r"or \(b, 4\), not \(30, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused(make, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(*sample(4))


def test_losses_are_exported_without_tensorflow() -> None:
    classes = {type(loss).__name__ for loss in EVERY.values()}
    assert classes <= set(dir(losses))
    assert {type(loss) for loss in EVERY.values()} == {getattr(losses, name) for name in classes}
    with pytest.raises(AttributeError, match="'Fokal'"):
        losses.Fokal  # noqa: B018
    code = "import sys; from imbalance_lab.strategies import losses; dir(losses); import imbalance_lab.models.base"
    done = subprocess.run([sys.executable, "-c", f"{code}; print('tensorflow' in sys.modules, 'keras' in sys.modules)"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.split() == ["False", "False"]
