"""Exceptions as one line that says what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab.app.config import compose
from imbalance_lab.options import groups as option_groups
from imbalance_lab.options import leaves


def explain(error: BaseException, arguments: Sequence[str]) -> str:
    """Return `error` as one line, with the nearest option or key where a name was mistyped.

    Parameters
    ----------
    error : exception
    arguments : sequence of str
        The command line, without the program.
    """
    if isinstance(error, MissingConfigException):
        return _unknown_option(error)
    if isinstance(error, ConfigCompositionException | OmegaConfBaseException):
        return _unknown_key(arguments) or _one_line(error)
    if type(error).__module__.startswith("imbalance_lab") or isinstance(error, HydraException):
        return _one_line(error)
    name = type(error).__name__
    return f"{name}: {_one_line(error)} (HYDRA_FULL_ERROR=1 shows where)"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _unknown_option(error: MissingConfigException) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    options = list(error.options or [])
    if not options:
        return _one_line(error)
    return f"there is no {group}={option}{_did_you_mean(option, options)}; {group} can be {', '.join(options)}"


def _unknown_key(arguments: Sequence[str]) -> str | None:
    """Find the first key on the command line that the configuration does not have."""
    groups = set(option_groups())
    overrides = [a for a in arguments if "=" in a and not a.startswith("-")]
    parsed = OverridesParser.create().parse_overrides(overrides)
    chosen = [f"{o.key_or_group}={o.value()}" for o in parsed if o.key_or_group in groups and not o.is_sweep_override()]
    try:
        tree = compose(chosen)
    except Exception:  # the chosen options are what is wrong
        return None
    known = dict(leaves(tree))
    branches = {key[: match.start()] for key in known for match in re.finditer(r"\.", key)}
    names = [*known, *branches, *groups]
    for override in parsed:
        key = override.key_or_group
        free = any(key.startswith(f"{k}.") for k, v in known.items() if isinstance(v, dict))
        if key not in names and not key.startswith("hydra") and not override.is_add() and not free:
            near = _did_you_mean(key, names)
            add = "" if near else f"; to add a setting its class takes, write +{key}="
            return f"there is no setting '{key}'{near}{add}"
    return None


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
