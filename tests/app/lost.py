"""Classifiers whose process dies while they are fitted."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from sklearn.linear_model import LogisticRegression


class DiesOnce(LogisticRegression):
    """Kills its process, unless it has before: the file is there."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def fit(self, X, y, sample_weight=None):
        if not Path(self.file).exists():
            Path(self.file).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, sample_weight)


class Dies(LogisticRegression):
    """Kills its process as long as there is no file `file`."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def fit(self, X, y, sample_weight=None):
        if not Path(self.file).exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, sample_weight)
