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
    if commit := commit_of(Path(__file__).resolve().parents[2]):
        tags["git_commit"] = commit
    return tags


def commit_of(root: Path) -> str | None:
    """Return the commit of a checkout, with ``-dirty`` where files differ from it; None of a folder that is none.

    It writes nothing: ``git describe --dirty`` would write the index anew, and leave it locked where it is killed.
    """
    if not (root / ".git").exists():  # installed, perhaps inside somebody else's repository
        return None
    try:
        commit = _git(root, "describe", "--always", "--abbrev=40")
        changed = _git(root, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(root: Path, *words: str) -> str:
    run = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    return run.stdout.strip()
