"""The command line: Hydra, and nothing heavy before a run needs it."""

from __future__ import annotations

import contextlib
import gc
import os
import sys

import hydra
from omegaconf import DictConfig

from imbalance_lab import process
from imbalance_lab.app import sweep
from imbalance_lab.app.composing import compose_quickly
from imbalance_lab.app.config import register_resolvers
from imbalance_lab.options import CONF, groups, names

# The workers of a parallel sweep import this module, and never call `main`.
register_resolvers()
compose_quickly()

_errors: list[Exception] = []

HELP = """\
imbalance_lab: which class-imbalance strategy should I use, and how sure can I be?

Examples
  python -m imbalance_lab strategy=inv_freq
  python -m imbalance_lab dataset=csv dataset.path=my.csv dataset.target=label strategy=smote
  python -m imbalance_lab -m strategy=none,inv_freq,sqrt_inv,smote,focal 'seed=range(10)'
  python -m imbalance_lab.data           every dataset with its class sizes
  mlflow ui                                  browse the runs

Options (as in strategy=focal model=logreg; --hydra-help lists Hydra's own)
"""


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def _task(config: DictConfig) -> str:
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


def main() -> None:
    """Run ``python -m imbalance_lab``; errors are one line and a non-zero exit status."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        with contextlib.suppress(BrokenPipeError):
            print_help()
        sys.argv = [a for a in sys.argv if a not in ("-h", "--help")] + ["--cfg", "job"]
    show_traceback = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then hands its exceptions to us instead of printing them
    process.handle_signals()
    process.hold_collector()
    try:
        _task()
    except KeyboardInterrupt:
        sweep.interrupt()
        sys.exit("interrupted")
    except Exception as error:
        _errors.append(error)
        sweep.interrupt("failed")
    process.settle_collector()
    gc.freeze()  # nor is there any point in collecting garbage at the end
    if _errors:
        if show_traceback:
            raise _errors[0]
        from imbalance_lab.app.messages import explain

        sys.exit(f"error: {explain(_errors[0], sys.argv[1:])}")
    sys.exit(sweep.exit_status())


def print_help() -> None:
    """Print what can be typed; the composed configuration follows."""
    # Hydra's own help lists the groups too, but takes three times as long.
    print(HELP)
    for group in groups():
        print(f"  {group}: {', '.join(names(group))}")
    print("\nSettings (each can be given by its path, as in training.epochs=50)\n")
