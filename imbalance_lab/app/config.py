"""The border: a composed configuration turned into the objects of a run, once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from imbalance_lab.errors import ConfigError
from imbalance_lab.options import CONF, Option, make
from imbalance_lab.runs.identity import GROUPS, Identity, identify
from imbalance_lab.runs.settings import RunSettings
from imbalance_lab.runs.spec import run_settings


@dataclass(frozen=True)
class Job:
    """What one job of the command line is to do.

    Parameters
    ----------
    identity : Identity
        What the run is.
    settings : dict
        Every setting, as it is recorded: without a password.
    folder : Path
        Where its record goes.
    tracking : Option
        Who follows it.
    figures : bool
        Whether figures are drawn.
    """

    identity: Identity
    settings: dict[str, Any]
    folder: Path
    tracking: Option
    figures: bool


def job_of(config: DictConfig, search: Sequence[Path] = ()) -> Job:
    """Turn a resolved configuration into a job.

    Parameters
    ----------
    config : DictConfig
        See `resolve`.
    search : sequence of Path
        Folders of options beside the registered ones (see `searched`).

    Raises
    ------
    ConfigError
        If a group has no option, or a setting a value it cannot take.
    """
    tree = plain(config)
    for group in (*GROUPS, "tracking"):
        if not isinstance(tree.get(group), dict):
            raise ConfigError(f"{group}={tree.get(group)}: a run needs an option of each group")
    options = {group: make(group, str(tree["options"][group]), tree[group], search) for group in GROUPS}
    settings = run_settings({key: tree[key] for key in RunSettings.__dataclass_fields__ if key in tree})
    evaluation = tree["evaluation"]
    return Job(
        identity=identify(options, settings, {k: v for k, v in evaluation.items() if k != "figures"}),
        settings=_without_password(tree),
        folder=Path(str(tree["output_dir"])),
        tracking=Option("tracking", "tracking", tree["tracking"]),
        figures=evaluation["figures"],
    )


def register_resolvers() -> None:
    """Teach OmegaConf ``${unique:}``, which keeps runs started in the same second apart, and ``${alone:}``.

    The latter says whether a run is none of a sweep.
    """
    OmegaConf.register_new_resolver("alone", _is_alone, replace=True)
    OmegaConf.register_new_resolver("unique", lambda: secrets.token_hex(3), use_cache=True, replace=True)


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """Compose the configuration of one run, as the command line would.

    Parameters
    ----------
    overrides : sequence of str
        What one would type, as in ``["strategy=focal", "loss.gamma=5"]``.

    Returns
    -------
    DictConfig
        Resolved, without Hydra's own node; ``output_dir`` is whatever Hydra would have chosen.

    Examples
    --------
    >>> job_of(compose(["strategy=smote", "loss=focal", "loss.gamma=5"])).identity.strategy
    'smote+focal(gamma=5)'
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.hydra_config import HydraConfig

    register_resolvers()
    with initialize_config_dir(str(CONF), version_base="1.3", job_name="imbalance_lab"):
        config = hydra_compose("config", list(overrides), return_hydra_config=True)
        choices, config.hydra.runtime.output_dir = HydraConfig.instance(), "."
        choices.set_config(config)
        return resolve(config)


def resolve(config: DictConfig) -> DictConfig:
    """Return a copy of `config` with every interpolation filled in and Hydra's own node left out."""
    keys = [key for key in config if key != "hydra"]
    return OmegaConf.create({key: _resolved(config, str(key)) for key in keys})


def searched(hydra: Any) -> list[Path]:
    """Return the folders in which Hydra looks for options, from its own part of the configuration."""
    sources = hydra.runtime.config_sources
    return [Path(source.path) for source in sources if source.schema == "file"]


def plain(config: DictConfig) -> dict[str, Any]:
    """Return `config` as plain dictionaries and lists."""
    tree = OmegaConf.to_container(config)
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items()}


def _without_password(tree: dict[str, Any]) -> dict[str, Any]:
    uri = tree["tracking"].get("uri")
    if not isinstance(uri, str):
        return tree
    return {**tree, "tracking": {**tree["tracking"], "uri": re.sub(r"//[^/@]+@", "//***@", uri)}}


def _resolved(config: DictConfig, key: str) -> Any:
    value = config._get_node(key)
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True)
    return config[key]


def _is_alone() -> bool:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return HydraConfig.get().mode != RunMode.MULTIRUN
