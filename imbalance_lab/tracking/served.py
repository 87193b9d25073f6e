"""What MLflow loads a logged model by: its ``loader_module``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from imbalance_lab.data.conform import conform
from imbalance_lab.errors import LabError
from imbalance_lab.runs.classifier import Classifier
from imbalance_lab.runs.predict import predictions
from imbalance_lab.runs.saving import load


class Served:
    """A saved model as MLflow's generic Python model.

    Parameters
    ----------
    classifier : Classifier
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def predict(self, data: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Return the table that the command ``predict`` writes.

        Parameters
        ----------
        data : DataFrame of shape (n, columns)
        params : mapping, optional
            ``prior``: ``natural``, ``trained`` or ``estimate``.

        Raises
        ------
        ValueError
            If a column is missing or holds something else than in training.
        """
        given = params or {}
        try:
            rows = conform(data, self.classifier.columns_, "the data")
            return predictions(self.classifier, rows, given.get("prior", "natural"))
        except LabError as error:  # a server of MLflow answers with the text of a ValueError
            raise ValueError(str(error)) from error


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Served:
    """Load a model; ``model_config={"trusted": [...]}`` is that of `imbalance_lab.load`."""
    return Served(load(path, (model_config or {}).get("trusted", ())))
