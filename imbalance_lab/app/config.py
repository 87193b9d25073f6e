"""Configurations composed as the command line composes them. Nothing heavy is loaded here."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, Node, OmegaConf

from imbalance_lab.options import CONF


def register_resolvers() -> None:
    """Teach OmegaConf ``${unique:}``, which keeps runs started in the same second apart, and ``${alone:}``.

    The latter says whether a run is none of a sweep.
    """
    OmegaConf.register_new_resolver("alone", _is_alone, replace=True)
    OmegaConf.register_new_resolver("unique", lambda: secrets.token_hex(3), use_cache=True, replace=True)


def compose(overrides: Sequence[str] = (), search: Sequence[Path] = ()) -> DictConfig:
    """Compose the configuration of one run, as the command line would.

    Parameters
    ----------
    overrides : sequence of str
        What one would type, as in ``["strategy=focal", "loss.gamma=5"]``.
    search : sequence of Path
        Folders of options beside the registered ones, as ``--config-dir`` names them.

    Returns
    -------
    DictConfig
        Resolved, without Hydra's own node; ``output_dir`` is whatever Hydra would have chosen.

    Examples
    --------
    >>> compose(["strategy=smote", "loss=focal", "loss.gamma=5"]).loss.gamma
    5
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from imbalance_lab.app import recipes
    from imbalance_lab.app.arguments import quoted
    from imbalance_lab.app.composing import compose_once

    register_resolvers()
    recipes.register(search)
    places = [f"hydra.searchpath=[{','.join(quoted(f'file://{folder}') for folder in search)}]"] if search else []
    with initialize_config_dir(str(CONF), version_base="1.3", job_name="imbalance_lab"):
        make = partial(hydra_compose, "config", return_hydra_config=True)
        config = compose_once(make, [*overrides, *places], GlobalHydra.instance().config_loader())
        return OmegaConf.create(resolved_as_job(config))


def resolved_as_job(config: DictConfig) -> dict[str, Any]:
    """Return what `resolved` makes of a configuration that no job runs; Hydra's own node is that of `config` then."""
    from hydra.core.hydra_config import HydraConfig

    config.hydra.runtime.output_dir = "."
    HydraConfig.instance().set_config(config)
    return resolved(config)


def resolved(config: DictConfig) -> dict[str, Any]:
    """Return `config` with every interpolation filled in and Hydra's own node left out, as plain dictionaries."""
    return {str(key): _resolved(config, str(key)) for key in config if key != "hydra"}


def searched(hydra: Any) -> list[Path]:
    """Return the folders in which Hydra looks for options, from its own part of the configuration."""
    sources = hydra.runtime.config_sources
    return [Path(source.path) for source in sources if source.schema == "file"]


def plain(config: DictConfig) -> dict[str, Any]:
    """Return `config` as plain dictionaries and lists."""
    tree = OmegaConf.to_container(config)
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}


def _resolved(config: DictConfig, key: str) -> Any:
    from hydra.core.hydra_config import HydraConfig

    value = config._get_node(key)
    assert isinstance(value, Node)
    nested = OmegaConf.is_config(value)
    tree = OmegaConf.to_container(value) if nested else value._value()
    try:
        return _filled(tree, HydraConfig.get())
    except LookupError:
        return OmegaConf.to_container(value, resolve=True) if nested else config[key]


def _filled(tree: Any, hydra: Any) -> Any:
    """Return a tree with what it takes from Hydra's node filled in, which OmegaConf parses anew each time.

    Raises
    ------
    LookupError
        If it holds an interpolation of another kind, or a value that must be given.
    """
    if isinstance(tree, dict):
        return {key: _filled(value, hydra) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, hydra) for value in tree]
    if not isinstance(tree, str) or not ("${" in tree or tree == MISSING):
        return tree
    if tree == "${alone:}":
        return _is_alone()
    if not (found := re.fullmatch(r"\$\{hydra:(runtime\.choices\.\w+|runtime\.output_dir)\}", tree)):
        raise LookupError(tree)
    return OmegaConf.select(hydra, found[1])


def _is_alone() -> bool:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return HydraConfig.get().mode != RunMode.MULTIRUN
