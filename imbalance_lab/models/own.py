"""Models of one's own: a scikit-learn classifier, or a stack of Keras layers."""

from __future__ import annotations

from typing import Any

from imbalance_lab.errors import ConfigError
from imbalance_lab.models.base import Learner
from imbalance_lab.models.estimator import CalibratedFor, Estimator


def as_learner(given: Any, calibrated_for: CalibratedFor = "train") -> Learner:
    """Return a learner made of what somebody has.

    Parameters
    ----------
    given : Learner, scikit-learn classifier, or Keras layers
        Layers are a list of them or a `keras.Sequential`, to which the output is added, or a function that returns all
        of them, the output included, for a number of channels; see `imbalance_lab.models.layers.Layers`.
    calibrated_for : {"train", "balanced", "nothing"}
        Of a classifier: the class shares under which its scores are probabilities.

    Raises
    ------
    ConfigError
        If it is none of these.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> as_learner(GaussianNB())
    Estimator(estimator=GaussianNB(), calibrated_for='train', balances_inside=False)
    """
    if isinstance(given, Learner):
        return given
    if isinstance(given, type):
        raise ConfigError(f"model is the class {given.__name__}; give an instance of it: {given.__name__}()")
    if hasattr(given, "fit") and hasattr(given, "get_params"):
        return Estimator(given, calibrated_for)
    if isinstance(given, list | tuple) or callable(given):
        from imbalance_lab.models.layers import as_layers  # loads Keras

        return as_layers(given)
    raise ConfigError(
        f"model is {given!r}, which is neither a scikit-learn classifier, nor a list of Keras layers or a "
        "keras.Sequential, nor a function that returns layers for a number of outputs"
    )
