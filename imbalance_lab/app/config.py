"""Where the options live, and what a composed configuration is called."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

# The four slots of a strategy, and the option of each that leaves it empty.
NULL_OPTIONS = {"sampler": "none", "class_weight": "none", "loss": "cross_entropy", "decision": "argmax"}

# A run is the same run wherever it writes to and whoever keeps its record.
NOT_HASHED = ("output_dir", "tracking", "options", "resume", "evaluation.figures")

_PACKAGE = Path(__file__).resolve().parents[1]
CONF = next(p for p in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if p.is_dir())


def option_groups() -> list[Path]:
    """Return the folders of the options, without Hydra's own."""
    return sorted(folder for folder in CONF.iterdir() if folder.is_dir() and folder.name != "hydra")


def register_resolvers() -> None:
    """Teach OmegaConf ``${unique:}``, which keeps runs started in the same second apart, and ``${alone:}``.

    The latter says whether a run is none of a sweep.
    """
    OmegaConf.register_new_resolver("alone", _is_alone, replace=True)
    OmegaConf.register_new_resolver("unique", lambda: secrets.token_hex(3), use_cache=True, replace=True)


def _is_alone() -> bool:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return HydraConfig.get().mode != RunMode.MULTIRUN


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
    >>> strategy_name(compose(["strategy=smote", "loss=focal", "loss.gamma=5"]))
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


def _resolved(config: DictConfig, key: str) -> Any:
    value = config._get_node(key)
    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value, resolve=True)
    return config[key]


def plain(config: DictConfig) -> dict[str, Any]:
    """Return `config` as plain dictionaries and lists."""
    tree = OmegaConf.to_container(config)
    assert isinstance(tree, dict)
    uri = tree.get("tracking", {}).get("uri") if isinstance(tree.get("tracking"), dict) else None
    if isinstance(uri, str):  # what is recorded holds no password
        tree["tracking"]["uri"] = re.sub(r"//[^/@]+@", "//***@", uri)
    return {str(key): value for key, value in tree.items()}


def leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a plain configuration tree with its dotted path.

    >>> dict(leaves({"split": {"test": 0.2}, "seed": 0}))
    {'split.test': 0.2, 'seed': 0}
    """
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, tree


def config_hash(config: DictConfig) -> str:
    """Return 16 hex digits that name the experiment: equal for equal settings, wherever the run is recorded."""
    kept = plain(config)
    for path in NOT_HASHED:
        group, _, key = path.rpartition(".")
        (kept.get(group, {}) if group else kept).pop(key, None)
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]


def strategy_name(config: DictConfig) -> str:
    """Name the strategy after the slots that are really filled.

    Parameters
    ----------
    config : DictConfig
        A resolved configuration.

    Returns
    -------
    str
        Option names joined by ``+``, each with the settings that differ from its file; ``none`` if no slot is filled.
    """
    filled = [_option_name(config, slot) for slot, null in NULL_OPTIONS.items() if config.options[slot] != null]
    return "+".join(filled) or "none"


def model_name(config: DictConfig) -> str:
    """Name the model after its option, with the settings that differ from its file."""
    return _option_name(config, "model")


def run_name(config: DictConfig) -> str:
    """Name the run: strategy, model and seed."""
    return names(config)["run"]


def names(config: DictConfig) -> dict[str, str]:
    """Return the names of the ``run``, its ``strategy`` and its ``model``."""
    strategy, model = strategy_name(config), model_name(config)
    return {"run": f"{strategy} {model} seed={config.seed}", "strategy": strategy, "model": model}


def _option_name(config: DictConfig, group: str) -> str:
    option = config.options[group]
    changed = [f"{key.removeprefix('estimator.')}={value}" for key, value in _changes(config[group], group, option)]
    return f"{option}({','.join(changed)})" if changed else option


def _changes(node: DictConfig, group: str, option: str) -> list[tuple[str, Any]]:
    written = _written(group, option)
    if written is None:  # an option from the user's own --config-dir: its name says it all
        return []
    now = dict(leaves(plain(node)))
    return [(k, _short(v)) for k, v in now.items() if written.get(k, ...) != v and not _is_reference(written.get(k))]


@cache
def _written(group: str, option: str) -> dict[str, Any] | None:
    file = CONF / group / f"{option}.yaml"
    return dict(leaves(OmegaConf.to_container(OmegaConf.load(file)))) if file.is_file() else None


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("${")


def _short(value: Any) -> Any:
    return value.rpartition(".")[2] if isinstance(value, str) and "_" not in value[:1] else value
