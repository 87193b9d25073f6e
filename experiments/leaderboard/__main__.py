"""``python -m experiments leaderboard``: run every strategy on every set, then write the table and its page."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.leaderboard import gather
from imbalance_lab.errors import LabError

HERE = Path(__file__).resolve().parent
FOLDER = Path("multirun", "leaderboard")
USAGE = """\
python -m experiments leaderboard [key=value ...]

preset=full             or quick: a few sets, in minutes
shard=3/8               run the third of eight parts of the sets, and write no page
models=logreg,hist_gb   of the preset's models these
repeats=2               of the cross-validation
largest=20000           only sets of at most so many cells (rows times features)
folder=multirun/leaderboard   where runs are kept; what has finished there is not run again
run=false               write the table and the page of what has run so far
predictions=true        keep the predictions of every test row in the table
out=FOLDER              where README.md, leaderboard.parquet and pictures/ go; experiments/leaderboard for preset=full

The table is for python -m imbalance_lab compare leaderboard.parquet, with folder= of runs of your own."""


def main(arguments: list[str]) -> None:
    """Run what was typed."""
    given = {key: value for key, _, value in (argument.partition("=") for argument in arguments)}
    known = {line.partition("=")[0] for line in USAGE.splitlines() if "=" in line.partition(" ")[0]}
    if unknown := set(given) - known:
        sys.exit(f"{USAGE}\n\nerror: there is no {', '.join(sorted(unknown))}")
    preset = given.get("preset", "full")
    if preset != "full" and "out" not in given and "shard" not in given:
        sys.exit(f"error: preset={preset} is not the whole; say where its answer goes: out=")
    try:
        changed = {"models": given["models"].split(",")} if "models" in given else {}
        board = gather.read(preset, **changed, **{key: given[key] for key in ("repeats", "largest") if key in given})
        folder = Path(given.get("folder", FOLDER))
        if given.get("run", "true") != "false":
            gather.run(board, folder, _shard(given.get("shard", "1/1")))
        if "shard" not in given:
            from experiments.leaderboard.page import write

            print(write(board, folder, Path(given.get("out", HERE)), given.get("predictions", "false") == "true"))
    except LabError as error:
        sys.exit(f"error: {error}")


def _shard(text: str) -> tuple[int, int]:
    part, _, of = text.partition("/")
    if not (part.isdecimal() and of.isdecimal() and 1 <= int(part) <= int(of)):
        sys.exit(f"error: shard={text}: write shard=3/8 for the third of eight parts")
    return int(part), int(of)


if __name__ == "__main__":
    main(sys.argv[1:])
