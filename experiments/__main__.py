"""``python -m experiments STUDY``: run a study's sweeps, then write its answer."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from experiments import study

PROGRAMS = ("leaderboard", "replications")  # that are more than sweeps, with settings of their own

USAGE = """\
python -m experiments STUDY [SETTING=VALUE ...] [out=FOLDER]

Runs the sweeps of a study (what has run before is left out), then writes its answer: experiments/STUDY/README.md,
tables/ and pictures/. Settings are put into every sweep, as in seed=0,1 training.epochs=2; they change the question, so
they need out=, a folder for the answer. hydra/launcher=parallel runs several jobs at once and changes nothing.

Studies: """


def main(arguments: list[str]) -> None:
    """Run what was typed."""
    if arguments and arguments[0] in PROGRAMS:
        importlib.import_module(f"experiments.{arguments[0]}.__main__").main(arguments[1:])
        return
    usage = USAGE + ", ".join([*study.names(), *PROGRAMS])
    if study.asks_for_help(arguments):
        print(usage)
        return
    if not arguments or arguments[0] not in study.names():
        sys.exit(usage)
    preset = study.read(arguments[0])
    outs = [typed.removeprefix("out=") for typed in arguments[1:] if typed.startswith("out=")]
    overrides = [typed for typed in arguments[1:] if not typed.startswith("out=")]
    if "tracking=none" in overrides:
        sys.exit(
            "error: a study's answer is made of its runs in MLflow: leave tracking=none out, "
            "or name a store of your own: tracking.uri=sqlite:///mine.db"
        )
    changed = any(not study.key_of(typed).startswith("hydra") for typed in overrides)
    if changed and not outs:
        sys.exit(f"error: {' '.join(overrides)} changes the question of {preset.name}; say where its answer goes: out=")
    asked = preset.with_overrides(overrides)
    folders = study.run(asked)
    from experiments.answer import write

    print(write(asked, folders, Path(outs[-1]) if outs else preset.folder, as_preset=not changed))


if __name__ == "__main__":
    main(sys.argv[1:])
