"""Strategies by name: a file of ``conf/strategy``, or any option of a slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imbalance_lab import options
from imbalance_lab.data.dataset import class_name
from imbalance_lab.errors import ConfigError
from imbalance_lab.options import SLOTS, Option, merged, nearest, option_of


@dataclass(frozen=True)
class Strategy:
    """What fills the five slots; those that are left out stay empty.

    Parameters
    ----------
    sampler, class_weight, loss, representation, decision : str, Option or object, optional
        An option's name, an option with settings (`imbalance_lab.option`), or an object of one's own: a sampler with
        ``fit_resample``, a callable loss, ...

    Examples
    --------
    >>> sorted(Strategy(sampler="smote", loss="focal").filled())
    ['loss', 'sampler']
    """

    sampler: Any = None
    class_weight: Any = None
    loss: Any = None
    representation: Any = None
    decision: Any = None

    def filled(self) -> dict[str, Option]:
        """Return the option of each slot that is filled."""
        given = {slot: getattr(self, slot) for slot in SLOTS}
        return {slot: slot_option(slot, value) for slot, value in given.items() if value is not None}


def slot_option(slot: str, value: Any) -> Option:
    """Return the option of a slot that a caller means; class weights by class name are weights by hand.

    >>> slot_option("class_weight", {"A": 2.0}).title
    'by_hand(weights.A=2)'
    """
    if slot == "class_weight" and isinstance(value, Mapping):
        return options.option(slot, "by_hand", weights={class_name(label): weight for label, weight in value.items()})
    return option_of(slot, value)


def recipe(name: str) -> dict[str, Option]:
    """Return the options by group that a strategy's name stands for.

    Raises
    ------
    ConfigError
        If there is no such strategy.

    Examples
    --------
    >>> {slot: option.name for slot, option in recipe("cb_focal").items()}
    {'class_weight': 'eff_num', 'loss': 'focal'}
    >>> {slot: option.name for slot, option in recipe("smote").items()}
    {'sampler': 'smote'}
    """
    if options.find("strategy", name) is None:
        slot = options.slot_of(name)
        if slot is None:
            raise ConfigError(f"there is no strategy={name}{nearest(name, options.strategies())}")
        return {slot: options.option(slot, name)}
    tree = dict(options.load("strategy", name))
    chosen = dict(_override(entry, name) for entry in tree.pop("defaults", []) if entry != "_self_")
    made = {group: options.load(group, chosen[group]) for group in chosen}
    for group, settings in tree.items():
        if group not in made:
            raise ConfigError(f"strategy={name} sets {group} without choosing an option of it")
        made[group] = merged(made[group], settings, f"strategy={name}: {group}")
    return {group: options.make(group, chosen[group], settings) for group, settings in made.items()}


def _override(entry: Any, name: str) -> tuple[str, str]:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise ConfigError(f"strategy={name}: its defaults are entries as in '- override /loss: focal', not {entry!r}")
    ((key, value),) = entry.items()
    return str(key).removeprefix("override").strip().lstrip("/"), str(value)
