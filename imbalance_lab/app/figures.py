"""Draw the figures of finished runs: ``python -m imbalance_lab.app.figures RUN ... [uri=URI]``.

A RUN is a folder (of a run, or of a whole sweep), which gets a folder ``figures``, or the id of a run in MLflow, among
whose artifacts they then are. A sweep does not draw them by itself: that would take longer than many a fit.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd

from imbalance_lab.errors import DataError, LabError
from imbalance_lab.evaluation import plots
from imbalance_lab.evaluation.predictions import join
from imbalance_lab.runs.files import RECORD, read_outcome, read_predictions

USAGE = "usage: python -m imbalance_lab.app.figures RUN ... [uri=URI]: draw the figures of finished runs"


def main() -> None:
    """Draw the runs on the command line."""
    runs = [argument for argument in sys.argv[1:] if not argument.startswith("uri=")]
    given = next((argument.removeprefix("uri=") for argument in sys.argv[1:] if argument.startswith("uri=")), None)
    uri = given or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if not runs:
        sys.exit(USAGE)
    failed = []
    for run in runs:
        try:
            print(f"{run}: {draw_all(Path(run)) if Path(run).exists() else draw_logged(run, uri)}")
        except LabError as error:
            failed.append(f"error: {error}")
    sys.exit("\n".join(failed) or 0)


def draw_all(folder: Path) -> str:
    """Draw the finished runs under `folder`, each in its own; return what was done.

    Raises
    ------
    DataError
        If there is none.
    """
    finished = [file.parent for file in sorted(folder.rglob(RECORD)) if is_finished(file.parent)]
    if not finished:
        raise DataError(f"{folder} holds no finished run")
    for run in finished:
        draw_run(run, run / "figures")
    return f"figures of {len(finished)} {'run' if len(finished) == 1 else 'runs'} drawn"


def draw_logged(run: str, uri: str) -> str:
    """Draw a run in MLflow and put the figures among its artifacts; return what was done.

    Raises
    ------
    DataError
        If there is no such run, or it has not finished.
    TrackingError
        If MLflow cannot be reached.
    """
    file = uri.removeprefix("sqlite:///")
    if file != uri and not Path(file).is_file():
        raise DataError(f"there is no folder '{run}', and no MLflow database {file} here; uri= names another")
    from imbalance_lab.tracking import add_artifacts

    def draw(recorded: Path, to: Path) -> None:
        if not is_finished(recorded):
            raise DataError(f"run {run} in MLflow is no finished run of this program; of a sweep name its runs")
        draw_run(recorded, to / "figures")

    add_artifacts(uri, run, draw)
    return "figures drawn, among its artifacts in MLflow"


def is_finished(folder: Path) -> bool:
    """Whether `folder` holds the whole record of a finished run."""
    try:
        said = read_outcome(folder)
    except ValueError:  # somebody else's file of that name
        return False
    if not isinstance(said, dict) or not {"outcome", "name", "dataset", "classes", "folds"} <= set(said):
        return False
    return said["outcome"] == "finished" and (folder / "predictions.npz").is_file()


def draw_run(folder: Path, to: Path) -> None:
    """Draw a finished run from its record in `folder`."""
    said = read_outcome(folder) or {}
    test = join(read_predictions(folder, fold) for fold in range(len(said["folds"])))
    classes = pd.DataFrame.from_dict(said["classes"], orient="index", dtype=float)
    names, size = list(classes.index), test.log_proba.shape[2]
    tasks = [names[start : start + size] for start in range(0, len(names), size)]
    epochs = folder / "epochs.csv"
    history = pd.read_csv(epochs) if epochs.is_file() else None
    plots.save(plots.draw(test, tasks, classes, history, f"{said['dataset']['name']}: {said['name']}"), to)


if __name__ == "__main__":
    main()
