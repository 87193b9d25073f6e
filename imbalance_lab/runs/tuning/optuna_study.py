"""Optuna's part of tuning: ranges as its distributions, and a study that is asked and told. Loaded when it is used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imbalance_lab.errors import ConfigError

if TYPE_CHECKING:
    import optuna

    from imbalance_lab.runs.tuning.trials import Trial

NAME = "tuning"  # by which Hyperband shares out trials: no random one


@contextmanager
def quiet() -> Iterator[Any]:
    """Give the library, which tells nothing of its own meanwhile.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigError("tuning=optuna: optuna is not installed; pip install 'imbalance-lab[tuning]'") from error
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(level)


def distributions(space: Mapping[str, Mapping[str, Any]]) -> dict[str, optuna.distributions.BaseDistribution]:
    """Return Optuna's distributions of a space.

    >>> distributions({"loss.gamma": {"low": 0.5, "high": 5.0}})
    {'loss.gamma': FloatDistribution(high=5.0, log=False, low=0.5, step=None)}
    """
    return {name: _distribution(node) for name, node in space.items()}


def encoded(node: Mapping[str, Any], value: Any) -> Any:
    """Return a value of a range as Optuna knows it: a list among the choices as its text."""
    return json.dumps(value) if "choices" in node and isinstance(value, list | tuple | Mapping) else value


def decoded(space: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of settings that Optuna's parameters stand for, in the order of the space."""
    return {name: _decoded(space[name], params[name]) for name in space if name in params}


def contained(node: Mapping[str, Any], value: Any) -> bool:
    """Whether a range has a value.

    >>> contained({"low": 1, "high": 5}, 3), contained({"low": 1, "high": 5}, None)
    (True, False)
    """
    if "choices" in node:
        return any(type(value) is type(one) and value == one for one in node["choices"])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(_distribution(node)._contains(value))


def sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Return Optuna's TPE as it is by default."""
    import optuna

    return optuna.samplers.TPESampler(seed=seed)


def new_study(larger_is_better: bool, seed: int, pruner: str = "none") -> optuna.Study:
    """Return a study in memory."""
    import optuna

    pruners = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
        "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
    }
    direction = "maximize" if larger_is_better else "minimize"
    return optuna.create_study(study_name=NAME, direction=direction, sampler=sampler(seed), pruner=pruners[pruner]())


def study_of(trials: list[Trial], space: Mapping[str, Mapping[str, Any]], larger_is_better: bool) -> optuna.Study:
    """Return trials that have ended as a study, for what Optuna draws of them."""
    import optuna

    states = {
        "finished": optuna.trial.TrialState.COMPLETE,
        "pruned": optuna.trial.TrialState.PRUNED,
        "failed": optuna.trial.TrialState.FAIL,
    }
    study, known = new_study(larger_is_better, seed=0), distributions(space)
    for one in trials:
        params = {name: encoded(space[name], v) for name, v in one.values.items() if contained(space[name], v)}
        study.add_trial(
            optuna.trial.create_trial(
                state=states[one.state],
                value=one.value if one.state == "finished" else None,
                params=params,
                distributions={name: known[name] for name in params},
            )
        )
    return study


def _decoded(node: Mapping[str, Any], value: Any) -> Any:
    if "choices" not in node:
        return value
    return next(one for one in node["choices"] if encoded(node, one) == value and _alike(one, value))


def _alike(choice: Any, value: Any) -> bool:
    """Whether a choice and its text, or itself, are one: 1 and 1.0 and true are equal and not the same."""
    return isinstance(choice, list | tuple | Mapping) or type(choice) is type(value)


def _distribution(node: Mapping[str, Any]) -> optuna.distributions.BaseDistribution:
    import optuna

    if "choices" in node:
        return optuna.distributions.CategoricalDistribution([encoded(node, one) for one in node["choices"]])
    low, high, log, step = node["low"], node["high"], node.get("log", False), node.get("step")
    if isinstance(low, int):
        return optuna.distributions.IntDistribution(low, high, log=log, step=step or 1)
    return optuna.distributions.FloatDistribution(low, high, log=log, step=step)
