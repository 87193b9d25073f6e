"""Losses against TensorFlow's own, the formulas of the papers in NumPy, finite differences, identities and extremes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax, softmax

from imbalance_lab.errors import ConfigError
from imbalance_lab.strategies.losses.asymmetric import Asymmetric
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.losses.cost_matrix import CostMatrix
from imbalance_lab.strategies.losses.cross_entropy import CrossEntropy
from imbalance_lab.strategies.losses.focal import Focal
from imbalance_lab.strategies.losses.influence_balanced import InfluenceBalanced
from imbalance_lab.strategies.losses.label_smoothing import LabelSmoothing
from imbalance_lab.strategies.losses.ldam import LDAM
from imbalance_lab.strategies.losses.logit_adjusted import BalancedSoftmax, LogitAdjusted
from imbalance_lab.strategies.losses.poly import Poly
from imbalance_lab.strategies.losses.predicted_weight import PredictedWeight
from imbalance_lab.strategies.losses.single_asymmetric import SingleAsymmetric
from imbalance_lab.strategies.losses.vector_scaling import VectorScaling

# A loss near 0 is the difference of numbers near 1: its absolute error is the type's precision.
PRECISION = {np.float32: {"rtol": 1e-6, "atol": 2e-6}, np.float64: {"rtol": 1e-12, "atol": 1e-13}}


def sample(rows: int = 50, classes: int = 4, seed: int = 0, dtype: type = np.float64):
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3, size=(rows, classes)).astype(dtype)
    return rng.integers(classes, size=rows), logits, rng.uniform(0.2, 5, classes).astype(dtype)


def sizes(classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 5000, size=classes).astype(float)


# ---------------------------------------------------------------- equal to TensorFlow's own losses


def weighted(loss: Loss, y, logits, weights) -> np.ndarray:
    """The value of each row as the trainer computes it."""
    return (tf.gather(weights, y) * loss(y, tf.constant(logits), tf.ones(logits.shape[1]))).numpy()


@pytest.mark.parametrize("dtype", PRECISION)
def test_weighted_equals_the_one_hot_form(dtype: type) -> None:
    y, logits, weights = sample(dtype=dtype)
    onehot = tf.one_hot(y, 4, dtype=dtype)
    row_weight = tf.reduce_sum(weights * onehot, axis=1)
    expected = row_weight * tf.nn.softmax_cross_entropy_with_logits(onehot, logits)
    np.testing.assert_allclose(weighted(CrossEntropy(), y, logits, weights), expected, **PRECISION[dtype])


@pytest.mark.parametrize("dtype", PRECISION)
def test_weighted_equals_the_sparse_form(dtype: type) -> None:
    y, logits, weights = sample(dtype=dtype)
    expected = tf.gather(weights, y) * tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
    np.testing.assert_allclose(weighted(CrossEntropy(), y, logits, weights), expected, **PRECISION[dtype])


@pytest.mark.parametrize("dtype", PRECISION)
@given(st.floats(0.1, 50), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_one_channel_equals_weighted_cross_entropy_with_logits(dtype: type, pos_weight: float, seed: int) -> None:
    y, logits, _ = sample(classes=2, seed=seed, dtype=dtype)
    z = logits[:, 1]
    two = np.column_stack([np.zeros_like(z), z])
    expected = tf.nn.weighted_cross_entropy_with_logits(y.astype(dtype), z, dtype(pos_weight))
    found = weighted(CrossEntropy(), y, two, np.array([1, pos_weight], dtype))
    precision = PRECISION[dtype] | {"atol": PRECISION[dtype]["atol"] * max(1, pos_weight)}
    np.testing.assert_allclose(found, expected, **precision)


# ---------------------------------------------------------------- equal to the papers' formulas, written in NumPy


def p_true(y, z):
    return softmax(z, axis=1)[np.arange(len(y)), y]


def focal_reference(y, z, n, gamma, alpha=None):
    """FL(p_t) = -alpha_t (1 - p_t)^gamma log(p_t), equation 5 of Lin et al. (2017)."""
    p = p_true(y, z)
    return -(1.0 if alpha is None else np.array(alpha)[y]) * (1 - p) ** gamma * np.log(p)


def ldam_reference(y, z, n, max_margin, scale):
    """Equation 13 of Cao et al. (2019) with margins C / n_j^(1/4), the largest max_margin; z is s times a cosine."""
    margin = n**-0.25 * (max_margin / np.max(n**-0.25))
    own = z[np.arange(len(y)), y] - scale * margin[y]
    others = np.where(np.eye(z.shape[1], dtype=bool)[y], 0, np.exp(z)).sum(axis=1)
    return -np.log(np.exp(own) / (np.exp(own) + others))


def logit_adjusted_reference(y, z, n, tau):
    """Equation 10 of Menon et al. (2021): log[1 + sum_{y'} (pi_y' / pi_y)^tau e^(f_y' - f_y)]."""
    pi = n / n.sum()
    ratio = (pi[None, :] / pi[y][:, None]) ** tau * np.exp(z - z[np.arange(len(y)), y][:, None])
    return np.log1p(np.where(np.eye(z.shape[1], dtype=bool)[y], 0, ratio).sum(axis=1))


def balanced_softmax_reference(y, z, n):
    """Equation 4 of Ren et al. (2020): -log(n_y e^z_y / sum n_i e^z_i)."""
    return -np.log(n[y] * np.exp(z[np.arange(len(y)), y]) / (n * np.exp(z)).sum(axis=1))


def vector_scaling_reference(y, z, n, gamma, tau):
    """Equations 3 (binary) and 4 (multiclass) of Kini et al. (2021) without weights."""
    delta, iota = (n / n.max()) ** gamma, tau * np.log(n / n.sum())
    if z.shape[1] == 2:
        margin, sign = z[:, 1] - z[:, 0], 2 * y - 1
        return np.log1p(np.exp(iota[1 - y] - iota[y]) * np.exp(-delta[y] * sign * margin))
    return -log_softmax(delta * z + iota, axis=1)[np.arange(len(y)), y]


def asymmetric_reference(y, z, n, gamma_positive, gamma_negative, clip):
    """Equations 3 to 7 of Ridnik et al. (2021), one label per channel; of two classes one label."""
    z, t = (z[:, 1:] - z[:, :1], y[:, None]) if z.shape[1] == 2 else (z, np.eye(z.shape[1])[y])
    p = expit(z)
    p_m = np.maximum(p - clip, 0)
    negative = p_m**gamma_negative * (np.log1p(-p_m) if clip else log_expit(-z))
    return -(t * (1 - p) ** gamma_positive * np.log(p) + (1 - t) * negative).sum(axis=1)


def asymmetric_held(loss, y, z, shifted):
    """Its value at `shifted` logits with the focusing weights that it has at `z`."""
    z, shifted, t = (
        (z[:, 1:] - z[:, :1], shifted[:, 1:] - shifted[:, :1], y[:, None])
        if z.shape[1] == 2
        else (z, shifted, np.eye(z.shape[1])[y])
    )
    p_m, moved = (np.maximum(expit(at) - loss.clip, 0) for at in (z, shifted))
    miss = np.log1p(-moved) if loss.clip else log_expit(-shifted)
    return -(
        t * (1 - expit(z)) ** loss.gamma_positive * log_expit(shifted) + (1 - t) * p_m**loss.gamma_negative * miss
    ).sum(axis=1)


def poly_reference(y, z, n, epsilon):
    """Equation 6 of Leng et al. (2022): L_CE + epsilon (1 - P_t)."""
    p = p_true(y, z)
    return -np.log(p) + epsilon * (1 - p)


def cost_reference(y, z, n, costs):
    """sum_j C[y, j] p_j."""
    costs = np.array(costs) if costs is not None else (n.sum() / (len(n) * n))[:, None] * (1 - np.eye(len(n)))
    return (costs[y] * softmax(z, axis=1)).sum(axis=1)


def predicted_weight_reference(y, z, n, power):
    w = n**-power * n.sum() / (n**-power @ n)
    return (softmax(z, axis=1) @ w) * -np.log(p_true(y, z))


def label_smoothing_reference(y, z, n, epsilon):
    """Section 7 of Szegedy et al. (2016): cross-entropy with q'(k) = (1 - epsilon) delta_ky + epsilon / K."""
    q = (1 - epsilon) * np.eye(z.shape[1])[y] + epsilon / z.shape[1]
    return -(q * log_softmax(z, axis=1)).sum(axis=1)


def single_asymmetric_reference(y, z, n, gamma_positive, gamma_negative, epsilon):
    """`ASLSingleLabel.forward` of the authors' code, line by line, without the mean over rows."""
    log_p, true = log_softmax(z, axis=1), np.eye(z.shape[1])[y]
    positive, negative = np.exp(log_p) * true, (1 - np.exp(log_p)) * (1 - true)
    weight = (1 - positive - negative) ** (gamma_positive * true + gamma_negative * (1 - true))
    return -((true * (1 - epsilon) + epsilon / z.shape[1]) * log_p * weight).sum(axis=1)


COSTS = [[0, 1, 2, 3], [4, 0, 5, 6], [7, 8, 0, 9], [1, 2, 3, 0]]
REFERENCES: list[tuple[Loss, Callable]] = [
    (CrossEntropy(), lambda y, z, n: -log_softmax(z, axis=1)[np.arange(len(y)), y]),
    (Focal(2.0), lambda y, z, n: focal_reference(y, z, n, 2.0)),
    (Focal(0.5), lambda y, z, n: focal_reference(y, z, n, 0.5)),
    (LDAM(0.5, 5.0), lambda y, z, n: ldam_reference(y, z, n, 0.5, 5.0)),
    (LogitAdjusted(1.0), lambda y, z, n: logit_adjusted_reference(y, z, n, 1.0)),
    (LogitAdjusted(0.7), lambda y, z, n: logit_adjusted_reference(y, z, n, 0.7)),
    (BalancedSoftmax(), balanced_softmax_reference),
    (VectorScaling(0.3, 1.0), lambda y, z, n: vector_scaling_reference(y, z, n, 0.3, 1.0)),
    (Asymmetric(1.0, 4.0, 0.05), lambda y, z, n: asymmetric_reference(y, z, n, 1.0, 4.0, 0.05)),
    (Asymmetric(0.0, 2.0, 0.0), lambda y, z, n: asymmetric_reference(y, z, n, 0.0, 2.0, 0.0)),
    (Asymmetric(1.0, 4.0, 0.05, False), lambda y, z, n: asymmetric_reference(y, z, n, 1.0, 4.0, 0.05)),
    (SingleAsymmetric(), lambda y, z, n: single_asymmetric_reference(y, z, n, 0.0, 4.0, 0.1)),
    (SingleAsymmetric(0.5, 2.0, 0.2), lambda y, z, n: single_asymmetric_reference(y, z, n, 0.5, 2.0, 0.2)),
    (LabelSmoothing(0.1), lambda y, z, n: label_smoothing_reference(y, z, n, 0.1)),
    (Poly(1.0), lambda y, z, n: poly_reference(y, z, n, 1.0)),
    (CostMatrix(), lambda y, z, n: cost_reference(y, z, n, None)),
    (PredictedWeight(1.0), lambda y, z, n: predicted_weight_reference(y, z, n, 1.0)),
]
EVERY = [loss for loss, _ in REFERENCES]


@pytest.mark.parametrize("classes", [2, 3, 7, 50])
@pytest.mark.parametrize(("loss", "reference"), REFERENCES, ids=lambda x: repr(x) if isinstance(x, Loss) else "")
def test_values_are_the_papers_formula(loss: Loss, reference: Callable, classes: int) -> None:
    y, logits, _ = sample(200, classes)
    n = sizes(classes)
    found = loss(y, tf.constant(logits), tf.constant(n)).numpy()
    np.testing.assert_allclose(found, reference(y, logits, n), rtol=1e-8, atol=1e-10)


def test_values_with_settings_per_class() -> None:
    y, logits, _ = sample(200, 4)
    n, names = sizes(4), list("abcd")
    alpha = Focal(2.0, alpha={"b": 3.0}).for_classes(names)
    np.testing.assert_allclose(alpha(y, logits, n), focal_reference(y, logits, n, 2.0, [1, 3, 1, 1]), rtol=1e-8)
    costs = CostMatrix(COSTS).for_classes(names)
    np.testing.assert_allclose(costs(y, logits, n), cost_reference(y, logits, n, COSTS), rtol=1e-8)
    y, logits, _ = sample(200, 2)
    binary = Focal(2.0, alpha=0.25).for_classes(["no", "yes"])  # the paper's alpha of the positive class
    np.testing.assert_allclose(binary(y, logits, None), focal_reference(y, logits, n, 2.0, [0.75, 0.25]), rtol=1e-8)


def test_by_hand() -> None:
    even = np.zeros((1, 2))
    at = {
        Focal(2.0): 0.25 * np.log(2),
        LogitAdjusted(1.0): np.log(1 + 9),  # the rare class of 90 and 10 at even logits: p = 1/10
        Poly(2.0): np.log(2) + 1,
        Asymmetric(1.0, 4.0, 0.05): 0.5 * np.log(2),  # a positive at p = 1/2
        CostMatrix(): 2.5,  # 100 / (2 * 10), half of it
    }
    for loss, expected in at.items():
        assert loss(np.array([1]), even, np.array([90.0, 10.0])).numpy() == pytest.approx(expected), loss


# ---------------------------------------------------------------- identities


IDENTITIES: list[tuple[Loss, Loss]] = [
    (Focal(0.0), CrossEntropy()),
    (BalancedSoftmax(), LogitAdjusted(1.0)),
    (LogitAdjusted(0.0), CrossEntropy()),
    (VectorScaling(0.0, 0.8), LogitAdjusted(0.8)),
    (VectorScaling(0.0, 0.0), CrossEntropy()),
    (LDAM(0.0, 1.0), CrossEntropy()),
    (Poly(0.0), CrossEntropy()),
    (PredictedWeight(0.0), CrossEntropy()),
    (LabelSmoothing(0.0), CrossEntropy()),
    (SingleAsymmetric(0.0, 0.0, 0.3), LabelSmoothing(0.3)),
    (SingleAsymmetric(0.0, 4.0, 0.0), CrossEntropy()),
    (SingleAsymmetric(2.0, 4.0, 0.0), Focal(2.0)),
    (InfluenceBalanced(loss_start=1.0), CrossEntropy()),
]


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(("loss", "known"), IDENTITIES, ids=repr)
def test_identities(loss: Loss, known: Loss, classes: int) -> None:
    y, logits, _ = sample(100, classes)
    n = sizes(classes)
    np.testing.assert_allclose(loss(y, logits, n), known(y, logits, n), rtol=1e-10, atol=1e-12)
    prior, counts = np.ones((1, classes)) / classes, n[None]
    effective, expected = (each.effective_prior(prior, counts) for each in (loss, known))
    if not isinstance(loss, LDAM):
        assert (effective is None) == (expected is None)
        assert expected is None or np.allclose(effective, expected)


NEUTRAL = (LabelSmoothing(0.0), SingleAsymmetric(0.0, 0.0, 0.0), InfluenceBalanced(1.0))


@pytest.mark.parametrize("loss", NEUTRAL, ids=repr)
@pytest.mark.parametrize("dtype", PRECISION)
def test_neutral_settings_are_cross_entropy_to_the_bit(loss: Loss, dtype: type) -> None:
    y, logits, _ = sample(300, 5, dtype=dtype)
    z = tf.constant(logits)
    found = []
    for each in (loss, CrossEntropy()):
        with tf.GradientTape() as tape:
            tape.watch(z)
            values = each(y, z, None)
        found.append((values.numpy(), tape.gradient(values, z).numpy()))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_even_classes_make_every_adjustment_cross_entropy() -> None:
    y, logits, _ = sample()
    n = np.full(4, 25.0)
    for loss in (LogitAdjusted(1.0), BalancedSoftmax(), VectorScaling(0.3, 1.0), PredictedWeight(1.0)):
        np.testing.assert_allclose(loss(y, logits, n), CrossEntropy()(y, logits, n), rtol=1e-10)


def test_two_classes_asymmetric_without_focus_is_sigmoid_cross_entropy() -> None:
    y, logits, _ = sample(classes=2)
    z = logits[:, 1] - logits[:, 0]
    expected = tf.nn.sigmoid_cross_entropy_with_logits(y.astype(float), z)
    np.testing.assert_allclose(Asymmetric(0.0, 0.0, 0.0)(y, logits, None), expected, rtol=1e-9)


# ---------------------------------------------------------------- gradients, extremes, symmetry


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_gradients_are_those_of_finite_differences(loss: Loss, classes: int) -> None:
    y, logits, _ = sample(6, classes)
    n = tf.constant(sizes(classes))
    z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(z)
        total = tf.reduce_sum(loss(y, z, n))

    def value(shifted) -> float:
        if isinstance(loss, PredictedWeight):  # its weight is a number to the gradient: held where it is
            w = n**-1.0 * tf.reduce_sum(n) / tf.reduce_sum(n**-1.0 * n)
            return tf.reduce_sum(tf.reduce_sum(w * tf.nn.softmax(z), 1) * CrossEntropy()(y, shifted, n))
        if isinstance(loss, Asymmetric) and loss.stop_gradient:  # so are its focusing weights
            return tf.reduce_sum(asymmetric_held(loss, y, logits, shifted.numpy()))
        return tf.reduce_sum(loss(y, shifted, n))

    step, numeric = 1e-5, np.zeros(logits.shape)
    for at in np.ndindex(*logits.shape):
        shift = np.zeros(logits.shape)
        shift[at] = step
        numeric[at] = (value(z + shift) - value(z - shift)) / (2 * step)
    np.testing.assert_allclose(tape.gradient(total, z), numeric, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
@given(classes=st.integers(2, 50), seed=st.integers(0, 1000), scale=st.sampled_from([0.0, 1.0, 50.0, 1e4]))
@settings(max_examples=8, deadline=None)
def test_values_and_gradients_stay_finite(loss: Loss, classes: int, seed: int, scale: float) -> None:
    """For logits up to +-1e4 in float32, and counts from 1 row up."""
    rng = np.random.default_rng(seed)
    logits = tf.constant(rng.choice([-scale, 0, scale], size=(8, classes)), tf.float32)
    n = tf.constant(np.maximum(10.0 ** rng.uniform(0, 7, classes), 1).astype(int), tf.float32)
    y = rng.integers(classes, size=8)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = loss(y, logits, n)
    assert np.isfinite(values).all()
    assert np.isfinite(tape.gradient(values, logits)).all()
    assert values.numpy().min() >= -1e-5


@pytest.mark.parametrize("loss", EVERY, ids=repr)
@given(classes=st.integers(3, 20), seed=st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_renaming_the_classes_changes_nothing(loss: Loss, classes: int, seed: int) -> None:
    y, logits, _ = sample(20, classes, seed)
    n = sizes(classes, seed)
    order = np.random.default_rng(seed).permutation(classes)
    renamed = np.argsort(order)[y]
    np.testing.assert_allclose(loss(renamed, logits[:, order], n[order]), loss(y, logits, n), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_two_classes_through_one_channel_equal_two_channels(loss: Loss) -> None:
    y, logits, _ = sample(40, 2)
    n = sizes(2)
    one = np.column_stack([np.zeros(40), logits[:, 1] - logits[:, 0]])
    np.testing.assert_allclose(loss(y, one, n), loss(y, logits, n), rtol=1e-8, atol=1e-12)


# ---------------------------------------------------------------- the prior that the scores carry


@pytest.mark.parametrize(
    "loss", [CrossEntropy(), LogitAdjusted(1.0), LogitAdjusted(0.5), BalancedSoftmax(), PredictedWeight(1.0)], ids=repr
)
def test_the_prior_is_that_of_the_best_scores(loss: Loss) -> None:
    """Minimise the expected loss over free logits at five points with known class densities; see what they carry."""
    rng = np.random.default_rng(0)
    density = rng.dirichlet(np.full(5, 5.0), size=3).T  # (points, classes)
    n, w = np.array([600.0, 90.0, 10.0]), np.array([1.0, 2.0, 3.0])
    joint = tf.constant(density * n / n.sum() * w)
    z = tf.Variable(np.zeros((5, 3)))
    optimizer = tf.keras.optimizers.Adam(0.05)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            rows = [joint[:, k] * loss(np.full(5, k), z, tf.constant(n)) for k in range(3)]
            total = tf.add_n([tf.reduce_sum(row) for row in rows])
        optimizer.apply([tape.gradient(total, z)], [z])

    for _ in range(800):
        step()
    effective = loss.effective_prior(n * w / (n @ w), n)
    posterior = density * effective
    np.testing.assert_allclose(softmax(z.numpy(), axis=1), posterior / posterior.sum(1, keepdims=True), atol=2e-3)


def test_losses_that_bend_probabilities_say_so() -> None:
    even, n = np.ones(2) / 2, np.ones(2)
    others = (LabelSmoothing(), SingleAsymmetric(), InfluenceBalanced())
    for loss in (Focal(2.0), LDAM(), VectorScaling(0.3), Asymmetric(), Poly(1.0), CostMatrix(), *others):
        assert loss.effective_prior(even, n) is None, loss


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (Focal(alpha={"z": 1.0}), "'z', which does not exist"),
        (Focal(alpha=0.25), "is for two classes"),
        (Focal(alpha=[1.0, 2.0]), "2 weights for 3 classes"),
        (CostMatrix([[0, 1], [1, 0]]), "3 x 3"),
    ],
)
def test_settings_that_do_not_fit_the_classes_are_refused(loss: Loss, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        loss.for_classes(["a", "b", "c"])
