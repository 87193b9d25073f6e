"""The table of runs that a comparison works on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class RunTable:
    """What a tracking server knows of the runs of this package; every frame has a row per run, indexed by its id.

    Parameters
    ----------
    runs : DataFrame
        ``experiment``, ``experiment_id``, ``name``, ``start`` (milliseconds), ``outcome`` (``finished``, ``skipped``,
        ``failed``, ``killed``, ``running``), ``reason``, ``sweep``, ``strategy``, ``model``, ``dataset``,
        ``data_hash``, ``config_hash``, ``version``, ``parent`` (the run of its sweep).
    params : DataFrame
        Every leaf of the configurations, as text; missing where a run has no such setting.
    metrics : DataFrame
        Of the test rows, means over folds: ``balanced_accuracy``, ``recall/<class>``, ...; also ``timing/fit``,
        ``rows/test`` and the like, and ``interval/low/<metric>``, ``interval/high/<metric>``.
    folds : DataFrame
        The values of one metric, the one that is compared, a column for each fold; empty if no run has several folds.
    """

    runs: pd.DataFrame
    params: pd.DataFrame
    metrics: pd.DataFrame
    folds: pd.DataFrame

    def only(self, wanted: pd.Series) -> RunTable:
        """Return the runs for which `wanted` holds."""
        kept = wanted.index[wanted]
        return RunTable(
            *(frame.loc[frame.index.intersection(kept)] for frame in (self.runs, self.params, self.metrics, self.folds))
        )
