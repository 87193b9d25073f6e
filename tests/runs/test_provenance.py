from __future__ import annotations

import os
import subprocess
from pathlib import Path

from imbalance_lab.runs.provenance import commit_of


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", *named, *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commit_is_read_without_writing_into_the_checkout(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "One")
    head = git(tmp_path, "rev-parse", "HEAD")
    os.utime(tmp_path / "file", (0, 0))  # git would note that nothing but the time has changed
    before = (tmp_path / ".git" / "index").read_bytes()
    assert commit_of(tmp_path) == head
    assert (tmp_path / ".git" / "index").read_bytes() == before
    (tmp_path / "file").write_text("b")
    assert commit_of(tmp_path) == f"{head}-dirty"
    (tmp_path / "file").write_text("a")
    (tmp_path / "untracked").write_text("b")
    assert commit_of(tmp_path) == head


def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
