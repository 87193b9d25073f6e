"""``python -m experiments.server``: MLflow's server with a PostgreSQL of its own behind it, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from experiments.server.team import team_server
from experiments.study import asks_for_help
from imbalance_lab import process
from imbalance_lab.errors import ConfigError, LabError

if TYPE_CHECKING:
    from experiments.server.load import Cost

USAGE = """\
python -m experiments.server [folder=FOLDER] [port=PORT] [processes=N] [artifacts=PLACE]
python -m experiments.server load [workers=N] [runs=N] [classes=N] [processes=N] [uri=URI] [out=FILE]
python -m experiments.server outage [runs=N] [rounds=N] [away=SECONDS]

Runs a PostgreSQL of its own in FOLDER/postgres (./server by default) and in front of it MLflow's server, with N
processes, at http://127.0.0.1:PORT (5000), and takes both down at Ctrl-C. What was logged stays in FOLDER. Artifacts
are kept in FOLDER/artifacts, or at another PLACE, as s3://bucket/prefix.

load logs runs from many workers at once into such a server in a temporary folder, or into the store at URI; it says
what they cost, and fails if one is lost, there twice, or not whole. out= adds that to a file of CSV, and to the table
of the README.md beside it.

outage times sweeps of short runs into a server that is killed halfway and started again after some seconds, against
sweeps whose server stays, in turns; it fails if a run is not in MLflow once."""
DEFAULTS = {"folder": "server", "port": "5000", "processes": "2", "artifacts": ""}
OUTAGE = {"runs": "200", "rounds": "3", "away": "2"}
LOAD = {"workers": "32", "runs": "2000", "classes": "4", "processes": "2", "uri": "", "out": ""}
COMMANDS = {"load": LOAD, "outage": OUTAGE}


def main(arguments: Sequence[str]) -> None:
    """Run what was typed."""
    if asks_for_help(arguments):
        print(USAGE)
        return
    command = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    given = _settings(arguments[1:] if command else arguments, COMMANDS.get(command, DEFAULTS))
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if command == "outage":
            from experiments.server.outage import measure

            print(measure(**{key: _number(given, key) for key in OUTAGE}))
        elif command == "load":
            process.take_over()  # before MLflow is loaded: as in every run
            from experiments.server.load import run

            numbers = {key: _number(given, key) for key in ("workers", "runs", "classes", "processes")}
            print(cost := run(**numbers, uri=given["uri"]))
            if given["out"]:
                _keep(cost, numbers["classes"], given, arguments)
        else:
            _serve(given)
    except LabError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _serve(given: Mapping[str, str]) -> None:
    folder, port = Path(given["folder"]).absolute(), _number(given, "port")
    with team_server(folder, port, _number(given, "processes"), given["artifacts"] or None) as (served, _):
        print(f"{served.address}  (everything is kept in {folder}; Ctrl-C ends it)")
        print(f"MLFLOW_TRACKING_URI={served.address} python -m imbalance_lab -m strategy=none,inv_freq", flush=True)
        status = served.process.wait()
        raise ConfigError(f"MLflow's server has ended with status {status}; see {folder}/mlflow.log")


def _keep(cost: Cost, classes: int, given: Mapping[str, str], arguments: Sequence[str]) -> None:
    from experiments.server.figures import add

    store = given["uri"].partition(":")[0] or "server"
    add(Path(given["out"]), store, classes, cost, f"python -m experiments.server {' '.join(arguments)}")


def _settings(typed: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    given = dict(argument.partition("=")[::2] for argument in typed)
    if wrong := set(given) - set(known):
        sys.exit(f"{USAGE}\n\nerror: there is no {', '.join(sorted(wrong))}")
    return {**known, **given}


def _number(given: Mapping[str, str], key: str) -> int:
    if not given[key].isdecimal() or int(given[key]) == 0:
        raise ConfigError(f"{key}={given[key]}: a number from 1 on")
    return int(given[key])


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(sys.argv[1:])
