"""Experiments: Hydra composes them, and nothing heavy is loaded before a run needs it."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imbalance_lab import options, process
from imbalance_lab.app import launchers, recipes, secrets, sweep
from imbalance_lab.app.arguments import SWEEP, expand, search_folders
from imbalance_lab.app.catalogue import MEANINGS, ordered_groups
from imbalance_lab.app.cli import COMMANDS
from imbalance_lab.app.config import register_resolvers
from imbalance_lab.app.lines import error_line, wrapped
from imbalance_lab.errors import LabError

# The workers of a parallel sweep import this module, and never call `main`.
register_resolvers()

_errors: list[Exception] = []

HELP = """\
imbalance_lab: which class-imbalance strategy to use, and how sure one can be.

Examples
  python -m imbalance_lab strategy=inv_freq
  python -m imbalance_lab my.csv target=label strategy=smote
  python -m imbalance_lab -m strategy=none,inv_freq,smote,focal 'seed=range(5)'
  mlflow ui                                  browse the runs

Commands (python -m imbalance_lab COMMAND --help shows the settings of each)
"""
OPTIONS = """
Options (python -m imbalance_lab options GROUP lists those of a group with a
line on each; --config-dir FOLDER adds those of a folder of yours; --hydra-help
shows what is Hydra's own, as -m for sweeps)
"""
SETTINGS = "\nSettings (each can be given by its path, as in training.epochs=50)\n"


@hydra.main(config_path=str(options.CONF), config_name="config", version_base="1.3")
def _task(config: DictConfig) -> str:
    process.end_with_parent()  # in a worker: `main` handles signals
    process.take_over()
    process.hold_collector()
    from imbalance_lab.app.job import run_job

    try:
        return run_job(config)
    except Exception as error:  # Hydra would print the overrides before handing it on
        _errors.append(error)
        return "failed"
    finally:
        process.settle_collector()


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments ask for; errors are one line and a non-zero exit status."""
    try:
        typed = secrets.hide(expand(arguments))
        folders = search_folders(typed)
    except LabError as error:
        sys.exit(error_line(error))
    recipes.register(folders)
    launchers.register()
    if {"-h", "--help"} & set(typed):
        with contextlib.suppress(BrokenPipeError):
            print_help(folders)
        one = [] if SWEEP & set(typed) else [argument for argument in typed if argument not in ("-h", "--help")]
        typed = [*one, "--cfg", "job"]
    elif SWEEP & set(typed):
        if "--cfg" in typed:
            sys.exit(error_line("--cfg shows the configuration of one run: leave out -m, and give each key one value"))
        _check_names(typed, folders)
    show_traceback = "HYDRA_FULL_ERROR" in os.environ
    _run(typed)
    if _errors:
        if show_traceback:
            raise _errors[0]
        from imbalance_lab.app.messages import explain

        sys.exit(error_line(_with_lacking(explain(_errors[0], typed, folders))))
    _warn_of_lacking()
    sys.exit(sweep.exit_status())


def _with_lacking(reason: str) -> str:
    """Return why the program ends, with what a sweep lacks for it; what to do stays last."""
    if not (without := sweep.lacking()):
        return reason
    head, semicolon, advice = reason.partition("; ")
    return f"{head} ({', '.join(without)}){semicolon}{advice}"


def _warn_of_lacking() -> None:
    if without := sweep.lacking():
        print(f"warning: {'; '.join(f'{what}: {reason}' for what, reason in without.items())}", file=sys.stderr)


def _check_names(typed: Sequence[str], folders: Sequence[Path]) -> None:
    """End the program where an option or a setting of a sweep is mistyped: before it announces itself."""
    from imbalance_lab.app.messages import unknown_name

    with contextlib.suppress(HydraException, OmegaConfBaseException):  # which Hydra is going to report
        if wrong := unknown_name(typed, folders):
            sys.exit(error_line(wrong))


def _run(typed: Sequence[str]) -> None:
    """Let Hydra run the jobs, and collect their errors."""
    sys.argv = [sys.argv[0], *typed]  # where Hydra reads them
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then hands its exceptions to us instead of printing them
    process.take_over()  # before a sweep starts the process that sends, which inherits the environment
    process.handle_signals()
    process.hold_collector()
    try:
        _task()
    except KeyboardInterrupt as error:
        process.let_go(error)
        sweep.interrupt()
        _warn_of_lacking()
        sys.exit("interrupted")
    except Exception as error:
        _errors.append(error)
        sweep.interrupt("failed")
    process.settle_collector()
    gc.freeze()  # nor is there any point in collecting garbage at the end


def print_help(folders: Sequence[Path] = ()) -> None:
    """Print what can be typed; the composed configuration follows.

    Parameters
    ----------
    folders : sequence of Path
        Of options besides those of this package and of installed ones.
    """
    # Hydra's own help lists the groups too, but takes three times as long.
    print(HELP)
    for name, command in COMMANDS.items():
        print(f"  {name:<10} {command.summary}")
    print(OPTIONS)
    for group in ordered_groups(folders):
        names = options.strategies(folders) if group == recipes.GROUP else options.names(group, folders)
        print(wrapped(MEANINGS.get(group, "of another package"), f"  {f'{group}=':<16} {len(names):>2}  ", " " * 23))
    print(SETTINGS)
