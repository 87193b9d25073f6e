"""What the pages show is what happens."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from imbalance_lab.strategies.losses.cross_entropy import CrossEntropy
from tests.conftest import invoke
from tests.docs.conftest import blocks, commands, fenced, write_table


def test_the_readmes_python_runs_from_top_to_bottom(tmp_path: Path) -> None:
    write_table(tmp_path)
    namespace: dict[str, object] = {}
    for block in fenced("README.md", "python"):
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["classifier"].classes_.tolist() == ["often", "rare", "seldom"]


@pytest.mark.slow
def test_the_notebook_example_runs_in_a_notebook(tmp_path: Path) -> None:
    write_table(tmp_path)
    blocks = fenced("README.md", "python")[:2]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(block) for block in blocks])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output.data.get("text/html", "") for output in notebook.cells[0].outputs if "data" in output]
    assert "best mean" in "".join(shown)
    assert "tuned_threshold" in "".join(shown)


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks("README.md"), ids=lambda block: block[0].removeprefix("python -m "))
def test_the_readmes_commands_run(block: list[str], tmp_path: Path, store: Path) -> None:
    write_table(tmp_path)
    if "compare" in block[0]:
        sweep = ("-m", "strategy=none,tuned_threshold,inv_freq", "model=logreg", "seed=0,1,2")
        assert invoke(*sweep) == 0
    for command in block:
        words = [*shlex.split(command)[1:], *["budget=20s"][: int("recommend" in command)]]
        run = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, f"{command}: {run.stderr}"
        assert "Traceback" not in run.stderr


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay down what CONTRIBUTING shows: one class, one YAML, and a recipe."""
    (module,) = fenced("CONTRIBUTING.md", "python")
    files = {block.splitlines()[0].removeprefix("# "): block for block in [module, *fenced("CONTRIBUTING.md", "yaml")]}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.split("\n", 1)[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert sorted(files) == ["loss/confident.yaml", "my_losses.py", "strategy/confident_inv.yaml"]
    return tmp_path


def test_a_loss_is_one_class_one_yaml_and_one_test_row(mine: Path) -> None:
    (command,) = [line for line in commands("CONTRIBUTING.md") if "--config-dir" in line]
    quick = ("training.epochs=2", "tracking=none", "evaluation.figures=false", "hydra.run.dir=run")
    assert invoke(*shlex.split(command)[3:], *quick) == 0
    record = json.loads((mine / "run" / "record.json").read_text())
    assert record["strategy"] == "confident(penalty=0.2)"
    assert record["identity"]["config"]["loss"] == {"_target_": "my_losses.Confident", "penalty": 0.2}


def test_the_one_test_row_of_that_loss(mine: Path) -> None:
    from my_losses import Confident

    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((20, 3)).astype(np.float32), rng.integers(3, size=20)
    np.testing.assert_allclose(Confident(penalty=0.0)(y, z, None), CrossEntropy()(y, z, None), rtol=1e-5)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    by_hand = -np.log(p[np.arange(20), y]) + 0.3 * (p * np.log(p)).sum(axis=1)
    np.testing.assert_allclose(Confident(penalty=0.3)(y, z, None), by_hand, rtol=1e-4, atol=1e-6)
