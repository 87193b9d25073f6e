"""Options by name: found in folders of YAML files, given settings, and made into the objects that a run uses."""

from imbalance_lab.options.making import instantiate, locate
from imbalance_lab.options.option import Option, describe, make, option, option_of
from imbalance_lab.options.own import plain
from imbalance_lab.options.registry import (
    CONF,
    ENTRY_POINT,
    EXTRAS,
    SLOTS,
    find,
    folders,
    groups,
    load,
    names,
    nearest,
    slot_of,
    strategies,
)
from imbalance_lab.options.space import SEARCH, value_at
from imbalance_lab.options.trees import leaves, merged, resolved

__all__ = [
    "CONF",
    "ENTRY_POINT",
    "EXTRAS",
    "SEARCH",
    "SLOTS",
    "Option",
    "describe",
    "find",
    "folders",
    "groups",
    "instantiate",
    "leaves",
    "load",
    "locate",
    "make",
    "merged",
    "names",
    "nearest",
    "option",
    "option_of",
    "plain",
    "resolved",
    "slot_of",
    "strategies",
    "value_at",
]
