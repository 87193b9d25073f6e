"""What a sweep needs is looked at once, before its first job."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab import process
from imbalance_lab.app.arguments import quoted
from imbalance_lab.errors import DataError, MissingColumn
from imbalance_lab.options import Option

GROUPS = ("dataset", "split")
MAX_CHECKED = 100  # combinations of what selects the data
OURS = "imbalance_lab."


def check_data(config: DictConfig, grid: Mapping[str, Sequence[str]]) -> None:
    """Load each table of one's own that a sweep is about to use, and print the notes on how it was read.

    The sets that come along, or are downloaded, are left to the jobs. The first job finds its table in the session's
    cache.

    Parameters
    ----------
    config : DictConfig
        Of the sweep, with Hydra's own node.
    grid : mapping of key to values
        What is swept.

    Raises
    ------
    LabError
        If a table cannot be learnt from.
    """
    from imbalance_lab.app.screen import not_again
    from imbalance_lab.runs.run import load
    from imbalance_lab.runs.watch import collected_warnings, messages

    process.take_over()
    sources = [(made, rows) for made, rows in _sources(config, grid) if _is_ones_own(made["dataset"].build())]
    found: list[str] = []
    with _advised(grid, config.dataset.get("target")):
        for options, rows in reversed(sources):  # what was loaded last is kept for the first job
            with collected_warnings() as caught:
                load(options).without_rare_classes(rows)
            found = [*messages(caught), *found]
    for text in dict.fromkeys(found):
        print(f"warning: {text}", file=sys.stderr)
        not_again(text)


@contextmanager
def _advised(grid: Mapping[str, Sequence[str]], target: Any) -> Iterator[None]:
    """Where one of several tables lacks the target, add how each is given its own."""
    try:
        yield
    except MissingColumn as error:
        files, targets = grid.get("dataset.path", []), grid.get("dataset.target", [target])
        if len(files) < 2 or error.column not in targets:
            raise
        from imbalance_lab.data.sources.files import ENDINGS

        names = [_as_key(re.sub(ENDINGS, "", Path(file.strip("'\"")).name)) for file in files]
        each = [quoted(name) for name in targets] if len(targets) == len(names) else ["..."] * len(names)
        typed = ",".join(f"{name}:{own}" for name, own in zip(names, each, strict=True))
        raise DataError(f"{error}; a target for each: {shlex.quote(f'dataset.target={{{typed}}}')}") from error


def _as_key(name: str) -> str:
    """Return a name as a key of a mapping in Hydra's grammar, which takes no quotes there."""
    return re.sub(r"([\\()\[\]{}:=,\s])", r"\\\1", name)


def _sources(config: DictConfig, grid: Mapping[str, Sequence[str]]) -> list[tuple[dict[str, Option], int]]:
    """Return each different dataset and split of a sweep, with the rows that a class needs, in the jobs' order."""
    found: list[tuple[Any, Any]] = []
    swept = _swept(grid)
    for overrides in _choices(grid, config.hydra.overrides.task):
        try:
            composed = GlobalHydra.instance().config_loader().load_sweep_config(config, overrides) if swept else config
            settings = [OmegaConf.to_container(composed[group], resolve=True) for group in GROUPS]
        except (HydraException, OmegaConfBaseException):  # which the job reports
            continue
        one = settings, composed.min_class_rows
        if all(isinstance(tree, dict) for tree in settings) and one not in found:
            found.append(one)
    return [
        ({group: Option(group, "", tree) for group, tree in zip(GROUPS, settings, strict=True)}, rows)
        for settings, rows in found
    ]


def _choices(grid: Mapping[str, Sequence[str]], typed: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each combination of what selects the data; of very many the first."""
    swept = _swept(grid)
    fixed = [override for override in typed if override.partition("=")[0].lstrip("+") not in grid]
    combinations = zip(range(MAX_CHECKED), product(*swept.values()), strict=False)
    return [
        [*fixed, *(f"{key}={value}" for key, value in zip(swept, values, strict=True))] for _, values in combinations
    ]


def _swept(grid: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return what a sweep varies of what selects the data."""
    return {key: values for key, values in grid.items() if key.split(".")[0] in (*GROUPS, "min_class_rows")}


def _is_ones_own(source: Any) -> bool:
    """Whether a source is a table of the user's, or a class of theirs."""
    return hasattr(source, "path") or not type(source).__module__.startswith(OURS)
