"""How much runs were tuned: runs of different budgets, or of different ranges of what they share, are no contest.

A budget is how many trials there were, by which metric, on which rows, and what ended trials early. The ranges of
settings that were tried are part of it where strategies share them: those of the model and of its training. A
strategy's own ranges (``loss.gamma``) are part of the strategy, as its other settings are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from imbalance_lab.comparison.keys import MODEL
from imbalance_lab.options import SLOTS
from imbalance_lab.runs.reading import NO_GROUP, Key, setting_key

TUNING = "tuning"
BUDGET: Key = (NO_GROUP, TUNING)
UNTUNED = "none"
PARTS = ("trials", "metric", "on", "pruner")
SPACE = "space."


def is_budget(name: str) -> bool:
    """Whether a key of a group's name says how its runs were tuned.

    >>> is_budget("tuning"), is_budget("tuning.space.model.estimator.C"), is_budget("training.epochs")
    (True, True, False)
    """
    return name.partition(".")[0] == TUNING


def budgets(settings: pd.DataFrame) -> pd.Series:
    """Return the budget of each run as text: ``none``, or as ``50 trials, on=cv``.

    Parameters
    ----------
    settings : DataFrame
        Those of a run table. Beside the trials there is named in what tuned runs differ.

    Examples
    --------
    >>> keys = pd.MultiIndex.from_tuples([("tuning", "trials"), ("tuning", "on")])
    >>> budgets(pd.DataFrame([["50", "cv"], [None, None], ["20", "validation"]], columns=keys)).to_list()
    ['50 trials, on=cv', 'none', '20 trials, on=validation']
    """
    parts = _parts_of(settings)
    found = pd.Series(UNTUNED, index=settings.index, dtype=object)
    tuned = parts[parts.trials.notna()]
    differ = [part for part in parts if part != "trials" and tuned[part].nunique(dropna=False) > 1]
    for values, rows in tuned.fillna("").groupby(["trials", *differ]):
        trials, *others = values
        named = [f"{part}={value}" for part, value in zip(differ, others, strict=True)]
        found[rows.index] = ", ".join([f"{trials} trial{'' if trials == '1' else 's'}", *named])
    return found


def about_tuning(settings: pd.DataFrame) -> pd.DataFrame:
    """Return how each run was tuned.

    Returns
    -------
    DataFrame
        ``budget`` (see `budgets`), ``typed_budget`` (what is typed for it), ``trials`` (0 if it was not tuned),
        ``judged_by`` (the metric of trials), and ``searched``: by setting its value as given, as far as it was, and its
        range. Texts are empty for a run that was not tuned.
    """
    parts = _parts_of(settings)
    line = pd.Series("", index=settings.index, dtype=object)
    for values, rows in parts[parts.trials.notna()].fillna("").groupby(list(parts)):
        own = dict(zip(parts, values, strict=True))
        words = [
            f"{TUNING}={own['name'] or 'optuna'}",
            *(f"{TUNING}.{part}={own[part]}" for part in PARTS if own[part]),
        ]
        line[rows.index] = " ".join(words)
    return pd.DataFrame(
        {
            "budget": budgets(settings),
            "typed_budget": line,
            "trials": pd.to_numeric(parts.trials).fillna(0).astype(int),
            "judged_by": parts.metric.fillna(""),
            "searched": _searched(settings),
        },
        index=settings.index,
    )


def _parts_of(settings: pd.DataFrame) -> pd.DataFrame:
    """Return what makes up the budget of each run, as text; without trials it was not tuned."""
    missing = pd.Series(None, index=settings.index, dtype=object)
    return pd.DataFrame({part: settings.get((TUNING, part), missing) for part in ("name", *PARTS)})


def with_budgets(settings: pd.DataFrame) -> pd.DataFrame:
    """Return settings in which one, ``tuning``, stands for the budget, and ranges are settings of what they belong to.

    The range of ``loss.gamma`` becomes the setting ``space.gamma`` of the loss. Ranges that strategies share are
    ``tuning.space.model.estimator.C``; they are left out where all tuned runs of a model have the same.
    """
    every: list[Any] = list(settings)
    own = [key for key in every if key[0] == TUNING]
    if not own:
        return settings
    rest = settings.drop(columns=own)
    if (budget := budgets(settings)).eq(UNTUNED).all():
        return rest
    columns: dict[Key, pd.Series] = {BUDGET: budget}
    tuned = budget != UNTUNED
    models = settings.get(MODEL, pd.Series("", index=settings.index)).fillna("")[tuned]
    for name, texts in ranges(settings).items():
        group, _, path = str(name).partition(".")
        if group in SLOTS:
            columns[group, f"{SPACE}{path}"] = texts
            continue
        kinds = texts[tuned].fillna("").groupby(models).transform("nunique")
        if (kinds > 1).any():
            columns[TUNING, f"{SPACE}{name}"] = texts.where(kinds.reindex(texts.index, fill_value=0) > 1)
    made = pd.DataFrame(columns, index=settings.index, dtype=object)
    return pd.concat([rest, made.set_axis(pd.MultiIndex.from_tuples(columns), axis=1)], axis=1)


def ranges(settings: pd.DataFrame) -> pd.DataFrame:
    """Return what tuning tried, as text: a row per run, a column per setting, as ``loss.gamma``.

    Examples
    --------
    >>> keys = [("tuning", f"space.loss.gamma.{key}") for key in ("low", "high", "log")]
    >>> frame = pd.DataFrame([["0.5", "5.0", "True"], [None] * 3], columns=pd.MultiIndex.from_tuples(keys))
    >>> ranges(frame)["loss.gamma"].to_list()
    ['0.5 to 5 log', None]
    """
    parts: dict[str, list[Any]] = {}
    every: list[Any] = list(settings)
    for key in every:
        if key[0] == TUNING and key[1].startswith(SPACE):
            parts.setdefault(key[1].removeprefix(SPACE).rpartition(".")[0], []).append(key)
    found = {}
    for name, keys in parts.items():
        ends = [key[1].rpartition(".")[2] for key in keys]
        rows = [tuple(row) for row in settings[keys].to_numpy()]
        texts = {row: _range(zip(ends, row, strict=True)) for row in dict.fromkeys(rows)}
        found[name] = pd.Series([texts[row] for row in rows], index=settings.index, dtype=object)
    return pd.DataFrame(found, index=settings.index)


def _range(ends: Iterable[tuple[str, Any]]) -> str | None:
    """Return a range in words; None where there is none."""
    own: Mapping[str, str] = {end: value for end, value in ends if isinstance(value, str)}
    if "choices" in own:
        return own["choices"].strip("[]").replace("'", "")
    if "low" not in own or "high" not in own:
        return None
    step = f" by {float(own['step']):g}" if "step" in own else ""
    return f"{float(own['low']):g} to {float(own['high']):g}{step}{' log' if own.get('log') == 'True' else ''}"


def _searched(settings: pd.DataFrame) -> pd.Series:
    found = ranges(settings)
    known = [(str(name), settings.get(setting_key(str(name)), pd.Series(dtype=object))) for name in found]
    rows = [
        {
            name: (_known(values.get(run)), text)
            for (name, values), text in zip(known, texts, strict=True)
            if _known(text)
        }
        for run, texts in zip(found.index, found.to_numpy(), strict=True)
    ]
    return pd.Series(rows, index=settings.index, dtype=object)


def _known(value: Any) -> str:
    return value if isinstance(value, str) else ""
