"""``python -m experiments leaderboard``: run every strategy on every set, then write the table and its page."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.leaderboard import gather
from experiments.leaderboard.earlier import up_to_date
from experiments.study import asks_for_help
from imbalance_lab.errors import LabError
from imbalance_lab.runs.parquet import read_parquet

HERE = Path(__file__).resolve().parent
NAME = "leaderboard.parquet"
FOLDER = Path("multirun", "leaderboard")
USAGE = """\
python -m experiments leaderboard [key=value ...]

preset=full             or quick: a few sets, in minutes; or tuned: ten sets, every strategy tuned alike and untuned
shard=3/8               run the third of eight parts of the sets, and write no page
models=logreg,hist_gb   of the preset's models these
strategies=none,smote   of its strategies these
repeats=2               of the cross-validation
trials=20               of tuning, the same for every strategy, beside the untuned runs; 0 for none
largest=20000           only sets of at most so many cells (rows times features)
folder=multirun/leaderboard   where runs are kept; what has finished there is not run again
table=FILE              a table whose runs are not run again and are shown too; what an earlier call left in out=
run=false               write the table and the page of what has run so far
predictions=true        keep the predictions of every test row in the table
out=FOLDER              where README.md, leaderboard.parquet and pictures/ go; experiments/leaderboard for preset=full

The table is for python -m imbalance_lab compare leaderboard.parquet, with folder= of runs of your own."""


def main(arguments: list[str]) -> None:
    """Run what was typed."""
    if asks_for_help(arguments):
        print(USAGE)
        return
    given = {key: value for key, _, value in (argument.partition("=") for argument in arguments)}
    known = {line.partition("=")[0] for line in USAGE.splitlines() if "=" in line.partition(" ")[0]}
    if unknown := set(given) - known:
        sys.exit(f"{USAGE}\n\nerror: there is no {', '.join(sorted(unknown))}")
    preset = given.get("preset", "full")
    if preset != "full" and "out" not in given and "shard" not in given:
        sys.exit(f"error: preset={preset} is not the whole; say where its answer goes: out=")
    try:
        changed = {key: given[key].split(",") for key in ("models", "strategies") if key in given}
        board = gather.read(
            preset, **changed, **{key: given[key] for key in ("repeats", "trials", "largest") if key in given}
        )
        folder, out = Path(given.get("folder", FOLDER)), Path(given.get("out", HERE))
        table = Path(given.get("table", out / NAME))
        earlier = None
        if "table" in given or table.is_file():
            earlier = up_to_date(read_parquet(table), board.redefined)
        if given.get("run", "true") != "false":
            gather.run(board, folder, _shard(given.get("shard", "1/1")), earlier)
        if "shard" not in given:
            from experiments.leaderboard.page import write

            print(write(board, folder, out, earlier, given.get("predictions") == "true"))
    except LabError as error:
        sys.exit(f"error: {error}")


def _shard(text: str) -> tuple[int, int]:
    part, _, of = text.partition("/")
    if not (part.isdecimal() and of.isdecimal() and 1 <= int(part) <= int(of)):
        sys.exit(f"error: shard={text}: write shard=3/8 for the third of eight parts")
    return int(part), int(of)


if __name__ == "__main__":
    main(sys.argv[1:])
