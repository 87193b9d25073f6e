"""Recipes of one slot by rule: ``strategy=focal`` is ``loss=focal``, as ``conf/loss/focal.yaml`` is there.

Hydra finds them in a source of configurations that has no files, and options of other packages in their folders.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from imbalance_lab import options

GROUP = "strategy"
PROVIDER = "imbalance_lab"


def register(search: Sequence[Path] = ()) -> None:
    """Let Hydra find the recipes and the options of other packages.

    Parameters
    ----------
    search : sequence of Path
        Folders of options that the recipes may use besides; they do not join Hydra's search path by this.
    """
    OptionFolders.search = tuple(search)
    for plugin in (Recipes, OptionFolders):
        Plugins.instance().register(plugin)


class Recipes(ConfigSource):
    """The recipes that have no file.

    Parameters
    ----------
    provider : str
    path : str
        ``recipes://`` and the folders of options beside those that `imbalance_lab.options` knows.
    """

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self._search = tuple(Path(folder) for folder in self.path.split(os.pathsep) if folder)

    @staticmethod
    def scheme() -> str:
        """Return what the path of such a source starts with."""
        return "recipes"

    def load_config(self, config_path: str) -> ConfigResult:
        """Return the recipe ``strategy/<option>``."""
        name, slot = self._slot_of(config_path)
        if slot is None:
            raise ConfigLoadError(f"there is no recipe {config_path}")
        config = OmegaConf.create({"defaults": [{f"override /{slot}": name}]})
        return ConfigResult(self.provider, self.full_path(), config, header={"package": "_global_"})

    def available(self) -> bool:
        """Whether there is such a source: always."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Whether a path is that of the recipes."""
        return config_path.strip("/") in ("", GROUP)

    def is_config(self, config_path: str) -> bool:
        """Whether a path is that of a recipe without a file."""
        return self._slot_of(config_path)[1] is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return what is below a path."""
        if config_path.strip("/") == GROUP:
            return options.strategies(self._search) if results_filter is not ObjectType.GROUP else []
        return [GROUP] if results_filter is not ObjectType.CONFIG else []

    def _slot_of(self, config_path: str) -> tuple[str, str | None]:
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        if group != GROUP or options.find(GROUP, name, self._search):  # a file comes first, wherever it is
            return name, None
        return name, options.slot_of(name, self._search)


class OptionFolders(SearchPathPlugin):
    """Adds the recipes and the folders of other packages to Hydra's search path."""

    search: tuple[Path, ...] = ()

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append them."""
        for folder in options.registry.folders()[1:]:
            search_path.append(PROVIDER, f"file://{folder}")
        search_path.append(PROVIDER, f"{Recipes.scheme()}://{os.pathsep.join(map(str, self.search))}")
