"""Where a run comes from: hashes, commit, versions."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from imbalance_lab import __version__

PACKAGES = ("tensorflow", "keras", "scikit-learn", "imbalanced-learn", "numpy", "mlflow", "hydra-core")


@cache
def environment() -> dict[str, str]:
    """Return the git commit of the package, if it runs from a checkout, and the versions of what it stands on."""
    tags = {"version/imbalance_lab": __version__, "version/python": platform.python_version()}
    for package in PACKAGES:
        try:
            tags[f"version/{package}"] = version(package)
        except PackageNotFoundError:
            continue
    if commit := _commit():
        tags["git_commit"] = commit
    return tags


def _commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():  # installed, perhaps inside somebody else's repository
        return None
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip()
