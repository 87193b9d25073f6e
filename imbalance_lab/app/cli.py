"""The command line: ``python -m imbalance_lab [command] key=value ...``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import MappingProxyType
from typing import NamedTuple


class Entry(NamedTuple):
    """A command, whose module has a function ``main(arguments)`` and is loaded when it is needed."""

    module: str
    summary: str


COMMANDS = MappingProxyType(
    {
        "recommend": Entry("imbalance_lab.app.recommend", "from a table to the strategy to use and a trained model"),
        "options": Entry("imbalance_lab.app.catalogue", "every option with what it does and its settings"),
        "compare": Entry("imbalance_lab.app.compare", "which strategy is better, by how much, and how sure one can be"),
        "weights": Entry("imbalance_lab.app.weights", "class weights for class sizes or a table, ready to paste"),
        "datasets": Entry("imbalance_lab.app.datasets", "every dataset with its class sizes"),
        "figures": Entry("imbalance_lab.app.figures", "draw the figures of finished runs"),
        "refit": Entry("imbalance_lab.app.refit", "train a finished run's configuration on all rows"),
        "predict": Entry("imbalance_lab.app.predict", "predict the rows of a file with a saved model"),
        "send": Entry("imbalance_lab.app.send", "send finished runs to MLflow"),
    }
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, or experiments where none is named; errors are one line and a non-zero exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not {"", os.getcwd()} & set(sys.path):  # a script finds classes of one's own where `python -m` does
        sys.path.insert(0, os.getcwd())
    if given and given[0] in COMMANDS:
        from importlib import import_module

        import_module(COMMANDS[given[0]].module).main(given[1:])
    else:
        from imbalance_lab.app import launch

        launch.main(given)
