"""Send finished runs to MLflow: ``python -m imbalance_lab.tracking FOLDER ... [uri=URI]``."""

from __future__ import annotations

import sys
from pathlib import Path

from imbalance_lab.errors import LabError
from imbalance_lab.tracking.send import send


def main() -> None:
    """Send the folders on the command line."""
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("uri=")]
    uri = next((argument.removeprefix("uri=") for argument in sys.argv[1:] if argument.startswith("uri=")), None)
    if not folders:
        sys.exit("usage: python -m imbalance_lab.tracking FOLDER ... [uri=URI]: send finished runs to MLflow")
    failed = []
    for folder in folders:
        try:
            print(f"{folder}: sent; browse: {send(Path(folder), uri)}")
        except LabError as error:
            failed.append(f"error: {error}")
    sys.exit("\n".join(failed) or 0)


if __name__ == "__main__":
    main()
