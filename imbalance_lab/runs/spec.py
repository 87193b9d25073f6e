"""What a caller asks for, by names, settings or objects of their own, turned into the identity of a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.errors import ConfigError
from imbalance_lab.options import CONF, SLOTS, Option, describe, merged, nearest, option, option_of
from imbalance_lab.runs.identity import GROUPS, Identity, identify
from imbalance_lab.runs.settings import RunSettings
from imbalance_lab.strategies.recipes import Strategy, recipe, slot_option


def specify(
    data: Dataset | Option | str | None = None,
    strategy: str | Strategy | Option = "none",
    model: Any = None,
    *,
    evaluation: Mapping[str, Any] | None = None,
    **given: Any,
) -> Identity:
    """Return the identity of the run that is asked for; what is left out is as in ``conf/config.yaml``.

    Parameters
    ----------
    data : Dataset, Option or str, optional
        Rows, or an option of the group ``dataset``.
    strategy : str, Strategy or Option
    model : str, Option or object, optional
        An option's name, an option with settings, or a model of one's own.
    evaluation : mapping, optional
        Settings of the evaluation.
    **given
        An option by group (``sampler``, ``class_weight``, ``loss``, ``representation``, ``decision``, ``split``,
        ``stress``, ``prepare``, ``training``, ``tuning``): a name, an `Option`, a mapping of settings of the default
        option, or an object; and ``seed``, ``min_class_rows``, ``save_model``. An option given for a slot
        replaces the strategy's.

    Raises
    ------
    ConfigError
        If there is no such option, group or setting.

    Examples
    --------
    >>> specify("four_classes", "inv_freq", "logreg", seed=2).name
    'inv_freq logreg seed=2'
    """
    chosen = _filled(strategy)
    asked = {group: given.pop(group) for group in GROUPS if group in given}
    asked |= {} if model is None else {"model": model}
    asked |= {} if data is None else {"dataset": data}
    for group, value in asked.items():
        if value is not None:
            chosen[group] = _option(group, value)
    tuning = given.pop("tuning", None) or "none"
    tuning = option("tuning", "optuna", **tuning) if isinstance(tuning, Mapping) else option_of("tuning", tuning)
    options = {group: chosen.get(group) or option(group, name) for group, name in default_options().items()}
    tree = default_evaluation() if evaluation is None else merged(default_evaluation(), evaluation, "evaluation")
    name = data.name if isinstance(data, Dataset) else None
    return identify(options, run_settings(given), tree, name, tuning)


def run_settings(given: Mapping[str, Any]) -> RunSettings:
    """Return the settings that belong to no group.

    Raises
    ------
    ConfigError
        If one of them does not exist, or has a value it cannot take.
    """
    known = [*GROUPS, *RunSettings.__dataclass_fields__, "strategy", "evaluation", "tuning"]
    if unknown := [key for key in given if key not in known]:
        raise ConfigError(f"a run has no setting '{unknown[0]}'{nearest(unknown[0], known)}")
    try:
        return RunSettings(**given)
    except ValidationError as error:
        raise ConfigError("; ".join(describe("", detail) for detail in error.errors())) from error


@cache
def default_options() -> dict[str, str]:
    """Return the name of each group's default option.

    >>> default_options()["model"]
    'mlp'
    """
    entries = [entry for entry in _defaults()["defaults"] if isinstance(entry, dict)]
    names = {key: value for entry in entries for key, value in entry.items()}
    return {group: names[group] for group in GROUPS}


def default_evaluation() -> dict[str, Any]:
    """Return the default settings of the evaluation."""
    return {key: value for key, value in _defaults()["evaluation"].items() if key != "figures"}


@cache
def _defaults() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(Path(CONF, "config.yaml").read_text(encoding="utf-8"))
    return tree


def _filled(strategy: str | Strategy | Option) -> dict[str, Option]:
    if isinstance(strategy, Strategy):
        return strategy.filled()
    if isinstance(strategy, str):
        return recipe(strategy)
    if isinstance(strategy, Option) and strategy.group in SLOTS:
        return {strategy.group: strategy}
    raise ConfigError(
        f"strategy is a name, an option of a slot, or a Strategy(sampler=, class_weight=, loss=, representation=, "
        f"decision=), "
        f"not {type(strategy).__name__}"
    )


def _option(group: str, value: Any) -> Option:
    if group == "dataset" and not isinstance(value, Dataset | Option | str):
        raise ConfigError(
            "data is a Dataset, as Dataset.from_frame(frame, target=...) makes one, or an option of the group dataset, "
            f"not {type(value).__name__}"
        )
    if isinstance(value, Dataset):
        return Option("dataset", "frame", {"name": value.name}, made=value)
    if isinstance(value, Mapping) and group not in SLOTS:  # settings of the default option
        return option(group, default_options()[group], **value)
    return slot_option(group, value)
