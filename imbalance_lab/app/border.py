"""The border: a composed configuration turned into the objects of a run, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from imbalance_lab.app.config import plain
from imbalance_lab.errors import ConfigError, without_password
from imbalance_lab.options import SEARCH, Option, make
from imbalance_lab.runs.identity import GROUPS, Identity, identify
from imbalance_lab.runs.settings import RunSettings
from imbalance_lab.runs.spec import run_settings

TUNING = "tuning"


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
    trials : Path
        Where trials of runs that have not ended are kept.
    tracking : Option
        Who follows it.
    figures : bool
        Whether figures are drawn.
    """

    identity: Identity
    settings: dict[str, Any]
    folder: Path
    trials: Path
    tracking: Option
    figures: bool


def job_of(config: DictConfig | dict[str, Any], search: Sequence[Path] = ()) -> Job:
    """Turn a resolved configuration into a job.

    Parameters
    ----------
    config : DictConfig or dict
        Resolved (see `resolved`).
    search : sequence of Path
        Folders of options beside the registered ones (see `searched`).

    Raises
    ------
    ConfigError
        If a group has no option, or a setting a value it cannot take.

    Examples
    --------
    >>> from imbalance_lab.app.config import compose
    >>> job_of(compose(["strategy=smote", "loss=focal", "loss.gamma=5"])).identity.strategy
    'smote+focal(gamma=5)'
    """
    tree = plain(config) if isinstance(config, DictConfig) else dict(config)
    trials = Path(str(tree.pop("trials_dir")))
    for group in (*GROUPS, TUNING, "tracking"):
        if not isinstance(tree.get(group), dict):
            raise ConfigError(f"{group}={tree.get(group)}: a run needs an option of each group")
    options = {group: make(group, str(tree["options"][group]), tree[group], search) for group in GROUPS}
    tuning = make(TUNING, str(tree["options"][TUNING]), tree[TUNING], search)
    tree["options"] = {group: option.name for group, option in options.items()}  # another class may stand in its place
    settings = run_settings({key: tree[key] for key in RunSettings.__dataclass_fields__ if key in tree})
    evaluation = tree["evaluation"]
    identity = identify(options, settings, {k: v for k, v in evaluation.items() if k != "figures"}, tuning=tuning)
    return Job(
        identity=identity,
        settings=_recorded(tree, identity),
        folder=Path(str(tree["output_dir"])),
        trials=trials,
        tracking=Option("tracking", "tracking", tree["tracking"]),
        figures=evaluation["figures"],
    )


def _recorded(tree: dict[str, Any], identity: Identity) -> dict[str, Any]:
    """Return the settings as they are recorded: ranges only where they are tried, and no password."""
    told = {
        key: {name: inner for name, inner in value.items() if name != SEARCH} if isinstance(value, dict) else value
        for key, value in tree.items()
        if key != TUNING
    }
    return _without_password(told | ({TUNING: dict(identity.tuning)} if identity.tuning else {}))


def _without_password(tree: dict[str, Any]) -> dict[str, Any]:
    uri = tree["tracking"].get("uri")
    if not isinstance(uri, str):
        return tree
    return {**tree, "tracking": {**tree["tracking"], "uri": without_password(uri)}}
