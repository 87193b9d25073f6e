"""What takes part in the leaderboard, and its runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import yaml

import imbalance_lab as lab
from experiments.leaderboard.earlier import Earlier
from imbalance_lab.data.sources.keel import names
from imbalance_lab.data.split import CrossValidation, checked_splits
from imbalance_lab.errors import LabError, LabWarning
from imbalance_lab.options import EXTRAS, strategies
from imbalance_lab.runs.identity import Identity
from imbalance_lab.runs.spec import specify
from imbalance_lab.runs.table import RunTable

FILE = Path(__file__).with_name("leaderboard.yaml")
SPEED = {"resamples": 10}  # of the intervals of single runs, which nothing here reads


@dataclass(frozen=True)
class Board:
    """What one leaderboard runs.

    Parameters
    ----------
    sets, models, strategies : sequence of str
    repeats, folds, fewest : int
        Repeats of the cross-validation, its folds, and the training rows that the smallest class needs in each.
    metrics : sequence of str
        That are kept of each fold.
    trials : int
        Of tuning, the same for every strategy, beside the runs that are not tuned; 0 for none.
    redefined : mapping of str to date
        Losses that train otherwise since that day.
    largest : float
        Cells (rows times features) of the largest set that is run; what has run before is shown whatever its size.
    """

    sets: Sequence[str]
    models: Sequence[str]
    strategies: Sequence[str]
    repeats: int
    folds: int
    fewest: int
    metrics: Sequence[str]
    trials: int = 0
    redefined: Mapping[str, date] = field(default_factory=dict)
    largest: float = float("inf")


def read(preset: str, **changed: Any) -> Board:
    """Return the board of a preset, with `changed` in the place of what it says.

    Raises
    ------
    ConfigError
        If there is no such preset.
    """
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    if preset not in content["presets"]:
        raise lab.ConfigError(f"there is no preset={preset}; there is {', '.join(content['presets'])}")
    wanted = content["presets"][preset] | changed
    return Board(
        sets=wanted["sets"] or names(),
        models=[model for model in wanted["models"] if _is_installed(model)],
        strategies=wanted["strategies"] or [name for name in strategies() if name not in content["other_questions"]],
        repeats=int(wanted["repeats"]),
        folds=content["folds"],
        fewest=content["fewest_training_rows"],
        metrics=content["metrics"],
        trials=_number("trials", wanted.get("trials", 0)),
        redefined=content["redefined"],
        largest=float(wanted.get("largest", "inf")),
    )


def taking_part(board: Board) -> Iterator[tuple[int, lab.Dataset]]:
    """Yield the size in cells of each set that has rows enough, and the set."""
    for name in board.sets:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LabWarning)
            try:
                data = lab.option("dataset", "keel", name=name).build().load()
                splits = checked_splits(CrossValidation(board.folds, repeats=1, validation=0.2, seed=0), data)
            except LabError:
                continue
            if min(int(data.count(data.targets[split.train]).min()) for split in splits) >= board.fewest:
                yield len(data) * len(data.kinds), data


def run(board: Board, folder: Path, shard: tuple[int, int] = (1, 1), earlier: RunTable | None = None) -> None:
    """Run the sets of a shard, small sets first and every model on each, so that it can be stopped at any time.

    What has finished in `folder`, or is in the table `earlier`, is not run again.
    """
    sets = sorted(
        (pair for pair in taking_part(board) if pair[0] <= board.largest), key=lambda pair: (pair[0], pair[1].name)
    )
    mine = [data for place, (_, data) in enumerate(sets) if place % shard[1] == shard[0] - 1]
    if not mine:
        print(f"shard {shard[0]}/{shard[1]} has no set: only {len(sets)} take part")
    known = Earlier(earlier)
    for seed in range(board.repeats):
        for at, data in enumerate(mine, start=1):
            for model, trials in product(board.models, dict.fromkeys([0, board.trials])):
                given = {"split": lab.option("split", "cv", folds=board.folds), "seed": seed, "evaluation": SPEED}
                given |= {"tuning": lab.option("tuning", "optuna", trials=trials)} if trials else {}
                if left := [name for name in board.strategies if not known.holds(_identity(data, name, model, given))]:
                    budget = f", {trials} trials" if trials else ""
                    print(f"repeat {seed + 1}, {data.name} ({at} of {len(mine)}), {model}{budget}", flush=True)
                    _run(data.name, left, model, given, folder / f"{model}{budget.replace(', ', '-')}" / data.name)


def _identity(data: lab.Dataset, strategy: str, model: str, given: Mapping[str, Any]) -> Identity:
    one = specify(lab.option("dataset", "keel", name=data.name), strategy, model, **given)
    return one.on_data(data.name, data.content_hash)


def _run(name: str, strategies: Sequence[str], model: str, given: Mapping[str, Any], folder: Path) -> None:
    data = lab.option("dataset", "keel", name=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        lab.sweep(data, list(strategies), model, folder=folder, progress=False, **given)


def _number(key: str, given: Any) -> int:
    if not str(given).isdecimal():
        raise lab.ConfigError(f"{key}={given} is no number of {key}")
    return int(given)


def _is_installed(model: str) -> bool:
    from importlib.util import find_spec

    return model not in EXTRAS or find_spec(model) is not None
