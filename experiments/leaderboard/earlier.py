"""What a table of runs holds already, so that it need not run again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from imbalance_lab.comparison.budgets import TUNING, about_tuning
from imbalance_lab.options import leaves
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.reading import Key, settings_of
from imbalance_lab.runs.spec import default_options
from imbalance_lab.runs.table import RunTable

CELL = ["dataset", "model", "strategy", "seed"]
Cell = tuple[object, ...]


class Earlier:
    """Finds the runs of a table.

    Parameters
    ----------
    table : RunTable or None
        None holds nothing.
    """

    def __init__(self, table: RunTable | None) -> None:
        self._rows: dict[Cell, list[tuple[str, str, Mapping[Key, str]]]] = {}
        if table is None:
            return
        ended = table.runs[table.runs.outcome.isin(["finished", "skipped"])]
        settings = table.settings.loc[ended.index]
        columns = list(settings)
        for run, values in zip(ended.itertuples(), settings.to_numpy(), strict=True):
            given = {key: value for key, value in zip(columns, values, strict=True) if isinstance(value, str)}
            place = (run.dataset, run.model, run.strategy, run.seed)
            self._rows.setdefault(place, []).append((run.version, run.data_hash or "", given))

    def holds(self, identity: Identity) -> bool:
        """Whether a run of this version on these data ended well or was skipped, with every setting as it is now.

        A run that is older than a group or a setting was made without it, which is what its default does.
        """
        asked = settings_of(leaves(identity.config))
        place = (identity.dataset, identity.model, identity.strategy, identity.seed)
        return any(
            version == identity.version
            and data_hash in (identity.data_hash, "")  # what was skipped may have read no data
            and all(asked.get(key) == value for key, value in given.items())
            and all(_is_default(identity, *key) for key in asked.keys() - given.keys())
            for version, data_hash, given in self._rows.get(place, [])
        )


def up_to_date(table: RunTable, redefined: Mapping[str, date]) -> RunTable:
    """Return a table without the finished runs of losses that train otherwise since the day of their `redefined`."""
    started = pd.to_datetime(table.runs.start.astype("int64"), unit="ms")
    since = pd.to_datetime(table.setting("options.loss").map(dict(redefined)))
    return table.only(~((table.runs.outcome == "finished") & (started < since)))


def _is_default(identity: Identity, group: str, key: str) -> bool:
    """Whether a setting that an older run lacks is as its option's file has it, in a group's default option."""
    if group == TUNING:
        return False  # a run without it was not tuned
    if group == "options":
        return identity.options[key].name == default_options()[key]
    return group not in identity.options or key not in identity.options[group].changed


def joined(table: RunTable | None, earlier: RunTable | None) -> RunTable | None:
    """Return the runs of both; of runs of one cell those of `table`."""
    if table is None or earlier is None:
        return earlier if table is None else table
    mine, others = (
        pd.MultiIndex.from_frame(one.runs[CELL].join(about_tuning(one.settings).typed_budget))
        for one in (table, earlier)
    )
    kept = ~others.isin(mine)
    return table.union(earlier.only(pd.Series(kept, index=earlier.runs.index)))
