"""What strategies and datasets are named in a comparison, so that those that differ have names that differ."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from imbalance_lab.comparison.keys import (
    OPTION,
    PATHS,
    REPRESENTATION,
    TARGET,
    counts,
    differing,
    in_slot,
    is_seed,
    keys_of,
)
from imbalance_lab.options import SLOTS
from imbalance_lab.runs.reading import Key, setting_name
from imbalance_lab.runs.table import RunTable


def contenders(table: RunTable, by: Sequence[str], fixed: Collection[str] = ()) -> pd.Series:
    """Name what competes: strategies, with the model where models compete, and other settings in which they differ.

    Parameters
    ----------
    table : RunTable
    by : sequence of str
        What has a table of its own.
    fixed : collection of str
        Names that stay as they are: those by which the baseline and the control are asked for.
    """
    names = table.runs.strategy.astype(str)
    groups = list(SLOTS)
    if "model" not in by:
        names = names + " " + table.runs.model.astype(str)
        groups.append("model")
    names = _with_settings(names, table.settings, groups).where(~names.isin(list(fixed)), names)
    keys = keys_of(table.settings)
    places = [place for place, key in enumerate(keys) if in_slot(key) and not is_seed(key)]
    slots = table.settings.to_numpy(dtype=object)[:, places]
    for name, rows in _rows_of(names).items():
        if own := _differing(slots[rows], [keys[place] for place in places]):
            # options from a folder of the user's: their names do not include their settings
            labels = [
                f"{name}({','.join(f'{key}={row[at]}' for at, key in own if not pd.isna(row[at]))})"
                for row in slots[rows]
            ]
            names.iloc[rows] = pd.Series(labels, index=names.index[rows])
    return names


def _rows_of(labels: Iterable[Any]) -> dict[str, list[int]]:
    """Return the rows of each label; those without one are left out."""
    found: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        if not pd.isna(label):
            found.setdefault(label, []).append(row)
    return found


def _differing(values: np.ndarray, keys: Sequence[Any]) -> list[tuple[int, str]]:
    """Return the columns in which rows differ, with the dotted names of their settings."""
    every = enumerate(zip(keys, differing(values), strict=True))
    return [(at, setting_name(key)) for at, (key, differs) in every if differs and counts(key)]


def _with_settings(names: pd.Series, settings: pd.DataFrame, groups: Sequence[str]) -> pd.Series:
    """Let every name that holds an option show the settings in which its runs differ.

    A name shows the settings that are not as in the option's file, so that beside ``focal(gamma=1)`` the file's own
    would be ``focal``: it becomes ``focal(gamma=2)``.
    """
    texts, keys = list(map(str, names)), keys_of(settings)
    values = settings.to_numpy(dtype=object)
    for group in groups:
        if ("options", group) not in keys:
            continue
        places = [place for place, key in enumerate(keys) if key[0] == group and not is_seed(key)]
        for option, rows in _rows_of(values[:, keys.index(("options", group))]).items():
            own = values[np.ix_(rows, places)]
            shown = [(at, _short(keys[places[at]])) for at, _ in _differing(own, [keys[place] for place in places])]
            for row, known in zip(rows, own, strict=True) if shown else ():
                missing = [
                    f"{short}={_as_in_names(known[at])}"
                    for at, short in shown
                    if isinstance(known[at], str) and not re.search(rf"[(,]{re.escape(short)}=", texts[row])
                ]
                texts[row] = _with(texts[row], str(option), missing)
    return pd.Series(texts, index=names.index, dtype=names.dtype)


def _with(name: str, option: str, missing: Sequence[str]) -> str:
    """Return a name whose `option` shows more settings.

    >>> _with("smote+focal", "focal", ["gamma=2"]), _with("focal(alpha=1)", "focal", ["gamma=2"])
    ('smote+focal(gamma=2)', 'focal(alpha=1,gamma=2)')
    """
    if not missing:
        return name
    part = re.compile(rf"(?<![^ +]){re.escape(option)}(?:\(([^()]*)\))?(?=$|[ +])")
    return part.sub(lambda found: f"{option}({','.join(filter(None, [found[1], *missing]))})", name, count=1)


def _as_in_names(value: str) -> str:
    """Return a number as the names of runs show it, as 2 for 2.0.

    >>> _as_in_names("2.0"), _as_in_names("0.5"), _as_in_names("sqrt")
    ('2', '0.5', 'sqrt')
    """
    return value.removesuffix(".0") if re.fullmatch(r"-?\d{1,6}\.0", value) else value


def _short(key: Key) -> str:
    return key[1].removeprefix("estimator.")


def families(runs: pd.DataFrame) -> dict[str, list[str]]:
    """Return the contenders that are one option with several settings, by the name of the option."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for (strategy, model, name), _ in runs.groupby(
        ["bare_strategy", "bare_model", "strategy"], dropna=False, sort=False
    ):
        kinds.setdefault((str(strategy), str(model)), []).append(str(name))
    several = len({model for _, model in kinds}) > 1
    return {
        f"{strategy} {model}" if several else strategy: names
        for (strategy, model), names in kinds.items()
        if len(names) > 1
    }


def bare_strategies(runs: pd.DataFrame, settings: pd.DataFrame) -> pd.Series:
    """Return each run's strategy without settings: the options of its filled slots; where unknown, its name."""
    # Versions before 0.2.0 knew no representation.
    slots = dict(SLOTS)
    if REPRESENTATION not in settings:
        del slots[REPRESENTATION[1]]
    keys = [("options", slot) for slot in slots]
    if not all(key in settings for key in keys):
        return runs.strategy
    filled = [
        "+".join(option for option, null in zip(row, slots.values(), strict=True) if option != null) or "none"
        for row in settings[keys].fillna("").to_numpy()
    ]
    return pd.Series(filled, index=runs.index).where(settings[keys].notna().all(axis=1), runs.strategy)


def dataset_names(titles: pd.Series, settings: pd.DataFrame) -> pd.Series:
    """Return a name for the dataset of each run: its title, with its source where several have that title."""
    titles = titles.fillna("").astype(str)
    keys = [key for key in (OPTION, TARGET) if key in settings]
    sources = settings[keys].fillna("").replace("None", "")
    classes = sources[TARGET].str.rsplit(".", n=1).str[-1] if TARGET in sources else pd.Series("", index=titles.index)
    options = sources[OPTION].where(sources[OPTION] != "", classes) if OPTION in sources else classes
    names = titles.copy()
    for title, ids in titles.groupby(titles).groups.items():
        kinds = pd.DataFrame({"option": options[ids], "class": classes[ids]})
        if len(kinds.drop_duplicates()) == 1:
            continue
        unique = kinds.drop_duplicates().option.is_unique
        sources_of = kinds.option if unique else kinds.option + ", " + kinds["class"]
        names.loc[ids] = sources_of.map(lambda source, title=title: f"{title} ({source})" if source else str(title))
    return names


def paths_of(table: RunTable, settings: pd.DataFrame) -> pd.Series:
    """Return what distinguishes runs whose data lie elsewhere and are other data, beyond the settings; mostly nothing.

    Parameters
    ----------
    table : RunTable
    settings : DataFrame
        By which the runs are separated already, a row per run.
    """
    path = pd.Series("", index=settings.index)
    hashes = table.runs.data_hash.fillna("")
    if hashes.nunique() < 2:
        return path
    for key in PATHS:
        if key not in table.settings:
            continue
        first = (
            table.settings[key].fillna("").replace("None", "").groupby(hashes).transform("first")
        )  # the same data lie in one place
        known, more = settings.assign(_path=path), settings.assign(_path=path, _more=first)
        if len(more.drop_duplicates()) > len(known.drop_duplicates()):
            path = first.where(path == "", path + ", " + first)
    return path
