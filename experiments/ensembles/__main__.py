"""``python -m experiments.ensembles PYTHON``: this package's balancing ensembles against imbalanced-ensemble's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from experiments.study import asks_for_help
from experiments.tables import to_markdown
from imbalance_lab.data.sources.keel import Keel

HERE = Path(__file__).resolve().parent
# Of numbers only; from 1.9 to 46 rows of the larger class for one of the smaller.
SETS = (
    "pima",
    "haberman",
    "vehicle1",
    "ecoli3",
    "yeast-2_vs_4",
    "vowel0",
    "yeast-1_vs_7",
    "pc1",
    "yeast-1-2-8-9_vs_7",
    "winequality-red-4",
)
FOLDS, SEEDS, MEMBERS = 5, 5, 50
USAGE = """\
python -m experiments.ensembles PYTHON [out=FOLDER] [seeds=N] [members=N]

PYTHON is that of an environment with imbalanced-ensemble, which wants a scikit-learn of its own:

    python -m venv theirs && theirs/bin/pip install imbalanced-ensemble==0.2.3 scikit-learn==1.6.0
    python -m experiments.ensembles theirs/bin/python

Writes README.md into this folder, or into FOLDER."""
TEXT = """\
# Are the ensembles that balance those of imbalanced-ensemble?

`self_paced`, `balance_cascade` and `under_bagging`, {members} decision trees each, on ten KEEL sets of two classes:
average precision, the mean of {folds} folds, then over {seeds} seeds of the ensembles on the same folds, with its
standard deviation over the seeds. *noise* is the standard error of the difference, from the seeds of both sides alone.

The two versions of BalanceCascade differ on purpose: ours removes the rows that the last member gets right, as the
paper says, theirs those that all members so far get right together.

    {usage}

typed in the checkout writes this page; the environment of `theirs` has imbalanced-ensemble {version}.

{tables}

## Means over the ten sets

{means}
"""


def write_folds(file: Path) -> None:
    """Write rows, classes and fold numbers of every set."""
    arrays = {}
    for name in SETS:
        data = Keel(name).load()
        fold = np.empty(len(data), dtype=int)
        for k, (_, tested) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(data.y, data.y)):
            fold[tested] = k
        arrays |= {f"{name}/X": data.X.to_numpy(dtype=float), f"{name}/y": data.y, f"{name}/fold": fold}
    np.savez(file, **arrays)


def scores(side: str, python: str, file: Path, seeds: int, members: int) -> pd.DataFrame:
    """Return what one side reaches."""
    command = [python, str(HERE / "scores.py"), side, str(file), str(seeds), str(members)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if side == "ours":
        environment["PYTHONPATH"] = str(HERE.parent.parent)
    printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    return pd.DataFrame([json.loads(line) for line in printed.splitlines() if line.startswith("{")])


def compared(ours: pd.DataFrame, theirs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return means over the seeds, and their difference with its standard error."""

    def of(side: pd.DataFrame) -> pd.DataFrame:
        values = side.groupby([*by, "seed"], sort=False).average_precision.mean()
        return values.groupby(list(by), sort=False).agg(["mean", "std", "count"])

    mine, other = of(ours), of(theirs)
    noise = np.sqrt(mine["std"] ** 2 / mine["count"] + other["std"] ** 2 / other["count"])
    difference = mine["mean"] - other["mean"]
    return pd.DataFrame(
        {
            "ours": [f"{m:.4f} ± {s:.4f}" for m, s in zip(mine["mean"], mine["std"], strict=True)],
            "theirs": [f"{m:.4f} ± {s:.4f}" for m, s in zip(other["mean"], other["std"], strict=True)],
            "difference": difference.map("{:+.4f}".format).to_numpy(),
            "noise": noise.map("{:.4f}".format).to_numpy(),
            "differences in noise": (difference / noise).map("{:+.1f}".format).to_numpy(),
        },
        index=mine.index,
    )


def main(arguments: Sequence[str]) -> None:
    """Run what was typed."""
    if asks_for_help(arguments):
        print(USAGE)
        return
    named = dict(typed.split("=", 1) for typed in arguments[1:] if "=" in typed)
    if not arguments or not Path(arguments[0]).exists() or not set(named) <= {"out", "seeds", "members"}:
        sys.exit(USAGE)
    seeds, members = int(named.get("seeds", SEEDS)), int(named.get("members", MEMBERS))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "folds.npz"
        write_folds(file)
        ours = scores("ours", sys.executable, file, seeds, members)
        theirs = scores("theirs", arguments[0], file, seeds, members)
    tables = []
    for model in ours.model.unique():
        pair = [side[side.model == model] for side in (ours, theirs)]
        tables += [f"## {model}", to_markdown(compared(*pair, by=["set"]).loc[list(SETS)])]
    version = subprocess.run(
        [arguments[0], "-c", "from importlib.metadata import version; print(version('imbalanced-ensemble'))"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.strip()
    page = TEXT.format(
        members=members,
        folds=FOLDS,
        seeds=seeds,
        usage="python -m experiments.ensembles theirs/bin/python",
        version=version,
        tables="\n\n".join(tables),
        means=to_markdown(compared(ours, theirs, by=["model"])),
    )
    out = Path(named.get("out", HERE))
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.md").write_text(page)
    print(out / "README.md")


if __name__ == "__main__":
    main(sys.argv[1:])
