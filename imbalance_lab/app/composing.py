"""Hydra composes every job of a sweep from all its files, twice, and composing outlasts a small fit."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigSource
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab import process

MAX_COMPOSED = 256


def compose_quickly(sweep: DictConfig) -> None:
    """Hand the launcher of the sweep that starts, of this configuration, a loader that composes each choice once."""
    hydra = GlobalHydra.instance().hydra
    if hydra is not None and not isinstance(hydra.config_loader, QuickLoader):
        hydra.config_loader = QuickLoader(hydra.config_loader, sweep)


def compose_job(context: HydraContext, sweep: DictConfig, number: int, overrides: Sequence[str]) -> DictConfig:
    """Return the configuration of one job of a sweep, completed as Hydra's `run_job` does it, and make its folder.

    It is what ``${hydra:...}`` refers to from now on; Hydra would copy it twice for that.
    """
    config = context.config_loader.load_sweep_config(sweep, list(overrides))
    with read_write(config.hydra), read_write(config.hydra.runtime), open_dict(config):
        config.hydra.job.id = str(number)
        config.hydra.job.num = number
        HydraConfig.instance().cfg = config  # type: ignore[assignment]
        folder = Path(str(config.hydra.sweep.dir), str(config.hydra.sweep.subdir)).absolute()
        config.hydra.runtime.output_dir = str(folder)
    OmegaConf.set_readonly(config.hydra, True)
    folder.mkdir(parents=True, exist_ok=True)
    return config


class QuickLoader(ConfigLoader):
    """Composes each choice of options once; the jobs that choose it are copies with settings of their own.

    Parameters
    ----------
    inner : ConfigLoader
        Hydra's own, which composes.
    sweep : DictConfig
        The configuration of the sweep.
    """

    def __init__(self, inner: ConfigLoader, sweep: DictConfig) -> None:
        self._inner, self._sweep = inner, sweep

    def load_job(self, overrides: list[str]) -> DictConfig:
        """Return the configuration of one more job of the sweep."""
        return self.load_sweep_config(self._sweep, overrides)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Return the configuration of one job, as Hydra would have composed it."""
        make = partial(self._inner.load_sweep_config, master_config)
        if master_config.hydra.searchpath:
            return make(sweep_overrides)  # it knows options `settings` does not
        typed_for_all = OmegaConf.to_container(master_config.hydra.overrides.hydra)
        config = compose_once(make, sweep_overrides, self, (master_config.hydra.job.config_name, typed_for_all))
        OmegaConf.copy_cache(from_config=master_config, to_config=config)
        return config

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Return what Hydra composes."""
        return self._inner.load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)

    def get_search_path(self) -> ConfigSearchPath:
        """Return Hydra's search path."""
        return self._inner.get_search_path()

    def get_sources(self) -> list[ConfigSource]:
        """Return where Hydra looks for options."""
        return self._inner.get_sources()

    def list_groups(self, parent_name: str) -> list[str]:
        """Return the groups below one."""
        return self._inner.list_groups(parent_name)

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        """Return the options of a group."""
        return self._inner.get_group_options(group_name, results_filter, config_name, overrides)

    def compute_defaults_list(self, config_name: str | None, overrides: list[str], run_mode: RunMode) -> Any:
        """Return what a configuration is composed of."""
        return self._inner.compute_defaults_list(config_name, overrides, run_mode)


def compose_once(
    make: Callable[[list[str]], DictConfig], overrides: list[str], loader: ConfigLoader, key: object = None
) -> DictConfig:
    """Return what `make` composes of overrides; of options it has composed before, a copy with other settings.

    Parameters
    ----------
    make : callable
        Composes overrides as Hydra does.
    overrides : list of str
    loader : ConfigLoader
        Which finds the options.
    key : object
        What else the configuration depends on.
    """
    try:
        parsed = [copy.copy(_parsed(override)) for override in overrides]
    except HydraException:  # Hydra says what is wrong
        return make(overrides)
    if any(override.key_or_group == "hydra.searchpath" for override in parsed):
        return make(overrides)  # it knows options `settings` does not
    values = settings(parsed, loader.get_sources())
    rest = _ordered([override for override in parsed if all(override is not value for value in values)])
    known = (_places(loader), key, rest)
    config = process.cached("compositions", MAX_COMPOSED, known, lambda: _copies_of(make(rest)))()
    try:
        for override in values:
            OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
    except OmegaConfBaseException:  # Hydra says what is wrong
        return make(overrides)
    _note_overrides(config, [override for override in parsed if not override.is_hydra_override()])
    return config


def settings(overrides: Sequence[Override], sources: Sequence[ConfigSource]) -> list[Override]:
    """Return those that only give a setting another value once all is composed, as ``seed=3`` does.

    Options are chosen before anything is set, but settings are made in the order in which they were typed: one before
    an addition or a deletion is left to Hydra.
    """
    found: list[Override] = []
    for override in overrides:
        if override.is_hydra_override():
            continue
        is_group = any(source.is_group(override.key_or_group) for source in sources)
        is_option = is_group and not isinstance(override.value(), dict)
        is_plain = override.type is OverrideType.CHANGE and not override.package and not override.is_sweep_override()
        if is_plain and not is_option:
            found.append(override)
        elif not is_option:
            found = []
    return found


def _ordered(overrides: Sequence[Override]) -> list[str]:
    """Return overrides as they were typed; in one order where they only choose options, which order does not matter."""
    lines = [str(override.input_line) for override in overrides]
    chosen = {o.key_or_group for o in overrides if o.type is OverrideType.CHANGE and not o.package}
    return sorted(lines) if len(chosen) == len(lines) else lines


class CheapToCopy(DictConfig):
    """A configuration that is copied through bytes, in a fifth of the time: Hydra copies each job's three times."""

    def __deepcopy__(self, memo: dict[int, Any]) -> DictConfig:
        """Return a copy below the same parent."""
        parent = self.__dict__["_parent"]
        self.__dict__["_parent"] = None
        try:
            copied: DictConfig = pickle.loads(pickle.dumps(self))
        except pickle.PicklingError:  # Hydra loads its plugins anew in a worker; its schemas are of the classes before
            copied = super().__deepcopy__(memo)
        finally:
            self.__dict__["_parent"] = parent
        copied.__dict__["_parent"] = parent
        return copied


def _copies_of(config: DictConfig) -> Callable[[], DictConfig]:
    """Return a function that copies a configuration, and what of it Hydra copies once more."""
    for node in (config, config.hydra):
        object.__setattr__(node, "__class__", CheapToCopy)
    try:
        made = pickle.dumps(config)
    except pickle.PicklingError:
        return lambda: copy.deepcopy(config)
    return lambda: pickle.loads(made)


@lru_cache(maxsize=4096)
def _parsed(override: str) -> Override:
    """Return an override; most are typed for many jobs."""
    return OverridesParser.create().parse_override(override)


def _note_overrides(config: DictConfig, typed: Sequence[Override]) -> None:
    """Note in Hydra's node what was typed for this job."""
    names: Any = config.hydra.job.config.override_dirname
    lines = [str(override.input_line) for override in typed]
    named = sorted(line for line, o in zip(lines, typed, strict=True) if o.key_or_group not in names.exclude_keys)
    config.hydra.overrides.task = lines
    config.hydra.job.override_dirname = names.item_sep.join(named).replace("=", names.kv_sep)


def _places(loader: ConfigLoader) -> list[tuple[str | None, str | None]]:
    return [(place.provider, place.path) for place in loader.get_search_path().get_path()]
