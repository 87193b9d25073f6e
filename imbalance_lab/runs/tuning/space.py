"""The space of a run: what is worth tuning of each of its options, the model and the strategy together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imbalance_lab.errors import ConfigError
from imbalance_lab.options import Option, value_at

if TYPE_CHECKING:
    from imbalance_lab.runs.identity import Identity

# The groups whose options are tuned, in the order of `GROUPS`. Those of the data are what is compared on.
TUNED = ("model", "training", "sampler", "class_weight", "loss", "representation", "decision")


def budget_of(tuning: Option, options: Mapping[str, Option]) -> dict[str, Any]:
    """Return how much a run of these options is tuned, as it identifies the run; empty if it is not.

    Parameters
    ----------
    tuning : Option
        Of the group ``tuning``.
    options : mapping of group to Option

    Raises
    ------
    ConfigError
        If a setting has a value it cannot take.

    Examples
    --------
    >>> from imbalance_lab.options import option
    >>> focal = {"loss": option("loss", "focal")}
    >>> sorted(budget_of(option("tuning", "optuna", trials=5), focal)["space"])
    ['loss.gamma']
    """
    if tuning.name == "none":
        return {}
    from imbalance_lab.runs.tuning.settings import Tuning  # loads NumPy, which looking around does without

    made = tuning.build()
    if not isinstance(made, Tuning):
        raise ConfigError(f"tuning={tuning.name} is {type(made).__name__}; it can be none or optuna")
    return made.budget(tuning.name, space_of(options))


def space_of(options: Mapping[str, Option]) -> dict[str, dict[str, Any]]:
    """Return the range of each setting that is tuned, by group and path, as ``loss.gamma``."""
    groups = [group for group in TUNED if group in options and (group != "training" or _has_epochs(options["model"]))]
    return {f"{group}.{path}": dict(node) for group in groups for path, node in options[group].space.items()}


def with_values(identity: Identity, values: Mapping[str, Any]) -> Identity:
    """Return the identity of the run with these values of its space, which is not tuned itself.

    Parameters
    ----------
    identity : Identity
    values : mapping
        By group and path, as ``loss.gamma``.
    """
    options = dict(identity.options)
    for group in {name.partition(".")[0] for name in values}:
        chosen = {name.partition(".")[2]: value for name, value in values.items() if name.partition(".")[0] == group}
        options[group] = options[group].with_settings(chosen)
    return replace(identity, options=options, tuning={})


def default_of(option: Option, path: str) -> Any:
    """Return the value that a setting of an option has, in its settings or in what is made of them; ``...`` if none."""
    if (found := value_at(option.settings, path, ...)) is not ...:
        return found
    found = option.build()
    for key in path.split("."):
        found = getattr(found, key, ...)
    return found


def _has_epochs(model: Option) -> bool:
    """Whether a model is trained in epochs; a network is loaded to find out, a classifier of a library is not."""
    from imbalance_lab.models.own import as_learner

    return "estimator" not in model.settings and as_learner(model.build()).trains_by_loss
