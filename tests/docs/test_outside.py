"""A package of somebody else's that brings options, installed in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.docs.conftest import ROOT, fenced

MODEL = """
from sklearn.base import BaseEstimator, ClassifierMixin
import numpy as np


class NearestMean(ClassifierMixin, BaseEstimator):
    def __init__(self, temperature=1.0):
        self.temperature = temperature

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == k].mean(axis=0) for k in self.classes_])
        return self

    def predict_proba(self, X):
        scores = -((X[:, None] - self.means_) ** 2).sum(axis=2) / self.temperature
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
"""
NEAREST = """
_target_: imbalance_lab.models.estimator.Estimator
estimator:
  _target_: my_package.models.NearestMean
  temperature: 1.0
"""


def wheel(folder: Path) -> Path:
    """Write the wheel of a package with one loss, one model and an entry point."""
    (loss,) = fenced("CONTRIBUTING.md", "python")
    (entry_points,) = fenced("CONTRIBUTING.md", "toml")
    (confident, _recipe) = fenced("CONTRIBUTING.md", "yaml")
    info = "my_package-1.0.dist-info"
    files = {
        "my_package/__init__.py": "",
        "my_package/losses.py": loss,
        "my_package/models.py": MODEL,
        "my_package/options/loss/confident.yaml": confident.replace("my_losses.", "my_package.losses."),
        "my_package/options/model/nearest_mean.yaml": NEAREST,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points.replace('project.entry-points."', "")
        .replace('options"]', "options]")
        .replace('"', ""),
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    path = folder / "my_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.mark.slow
def test_its_loss_and_its_model_sweep_against_ours(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python*/site-packages")
    (site / "here.pth").write_text(f"{ROOT}\n{sysconfig.get_paths()['purelib']}\n")
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel(tmp_path))]
    subprocess.run([python, *install], check=True)
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def typed(*arguments: str) -> str:
        command = [python, "-m", "imbalance_lab", *arguments]
        run = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout

    shared = ("tracking=none", "seed=0", "training.epochs=2", "hydra.sweep.dir=sweep")
    typed("-m", "strategy=none,focal,confident", "model=mlp,nearest_mean", *shared)
    outcomes = [json.loads(file.read_text()) for file in tmp_path.glob("sweep/*/record.json")]
    assert sorted((one["strategy"], one["model"], one["outcome"]) for one in outcomes) == [
        ("confident", "mlp", "finished"),
        ("confident", "nearest_mean", "skipped"),
        ("focal", "mlp", "finished"),
        ("focal", "nearest_mean", "skipped"),
        ("none", "mlp", "finished"),
        ("none", "nearest_mean", "finished"),
    ]
    assert "nearest_mean" in typed("options", "model")
    script = "import imbalance_lab as lab; print(lab.run('four_classes', model='nearest_mean').name)"
    run = subprocess.run([python, "-c", script], cwd=tmp_path, env=clean, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "none nearest_mean seed=0"
