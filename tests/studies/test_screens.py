"""The pictures of what people see: those that the README shows are of the commands that it prints."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from experiments import study
from experiments.screens import __main__ as screens
from experiments.screens import sweeps
from experiments.screens.browser import BROWSERS
from experiments.screens.terminal import Shown, show
from imbalance_lab.app.arguments import expand
from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import compose
from imbalance_lab.app.sweep import sweep_overrides

TAKEN = {"report", "mlflow_ui"}  # of the README's sweep


def test_every_picture_of_the_readme_is_one_that_a_command_makes() -> None:
    assert screens.in_readme() == TAKEN
    assert {path.stem for path in screens.PICTURES.iterdir()} == TAKEN
    others = [path for path in sweeps.shown_pictures() if Path(path).stem not in TAKEN]
    for path in others:
        name, file = re.fullmatch(r"experiments/(\w+)/pictures/([\w-]+)\.png", path).groups()
        preset = study.read(name)  # python -m experiments <name>
        assert any(file.startswith(f"{spec['file']}-") for spec in preset.compare)


def test_checked_in_pictures_are_small() -> None:
    pictures = list((sweeps.ROOT / "experiments").rglob("*.png"))
    assert len(pictures) > 5
    assert sum(path.stat().st_size for path in pictures) < 1_500_000


@pytest.mark.parametrize("command", [*sweeps.readme_commands("sweep"), *sweeps.SWEEPS.values(), *sweeps.RUNS.values()])
def test_the_commands_are_those_of_the_program(command: str) -> None:
    words = [word for word in shlex.split(command.removeprefix("python -m imbalance_lab")) if word != "-m"]
    typed = expand(words)
    grid = sweep_overrides(typed)
    alike = [word for word in typed if word.partition("=")[0] not in grid]
    assert job_of(compose([*alike, *(f"{key}={values[-1]}" for key, values in grid.items())])).identity.name


def test_the_readmes_commands_stand_below_their_markers() -> None:
    (sweep,) = sweeps.readme_commands("sweep")
    assert sweep.startswith("python -m imbalance_lab -m ")
    assert sweeps.readme_commands("main job")[0].endswith("-m imbalance_lab strategy=inv_freq")
    with pytest.raises(ValueError, match="no block"):
        sweeps.readme_commands("nonsense")


@pytest.mark.parametrize("columns", [60, 120])
def test_a_terminal_of_so_many_columns_is_what_the_program_sees(columns: int, tmp_path: Path) -> None:
    import sys

    code = (
        "import shutil, sys; print(shutil.get_terminal_size().columns, sys.stdout.isatty(), '\\x1b[32mgreen\\x1b[0m')"
    )
    shown = show([sys.executable, "-c", code], columns, tmp_path, {})
    assert (shown.status, shown.text.split()[:2]) == (0, [str(columns), "True"])
    page = Shown("python -c", shown.text, columns, 0).html()
    assert "$ python -c" in page and re.search(r"<span class=.r\d+.>green</span>", page)


def test_what_cannot_be_taken_is_named() -> None:
    with pytest.raises(SystemExit, match="there is no nonsense"):
        screens.main(["nonsense"])


@pytest.mark.slow
def test_one_command_takes_the_pictures(tmp_path: Path) -> None:
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip("there is no browser")
    pytest.importorskip("playwright")
    screens.main(["report", "terminal", f"out={tmp_path / 'out'}", f"keep={tmp_path / 'typed'}"])
    names = {file.stem for file in (tmp_path / "out").glob("*.png")}
    assert {"report", "report_phone_dark", "terminal_60", "terminal_hundred_80", "terminal_many_sets_120"} <= names
    sizes = [file.stat().st_size for file in (tmp_path / "out").glob("*.png")]
    assert min(sizes) > 5_000 and max(sizes) < 150_000
    before, _, compared = sweeps.Lab(tmp_path / "typed").printed("hundred").text.partition("100 finished")
    assert "logreg" in before and len(before.splitlines()) + len(compared.partition("\nreport:")[2].splitlines()) <= 10
    assert len(compared.splitlines()) <= 24 + 10
