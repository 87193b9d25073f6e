"""What the commands share."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic.dataclasses import dataclass

from imbalance_lab.app import cli, datasets, figures, predict, refit, send, weights
from imbalance_lab.app.border import job_of
from imbalance_lab.app.commands import Command, build, pairs, setting
from imbalance_lab.app.config import compose
from imbalance_lab.errors import ConfigError
from imbalance_lab.fields import STRICT
from imbalance_lab.options import instantiate
from tests.conftest import invoke

OURS = {
    "weights": weights, "datasets": datasets, "figures": figures, "send": send, "refit": refit, "predict": predict,
}  # fmt: skip


@dataclass(frozen=True, config=STRICT)
class Settings:
    rows: int = setting(3, "how many")
    by: list[str] | str = setting("model", "what by", "[dataset,model]")


SHOW = Command("show", "shows", Settings, lambda typed: print(typed), words="FILE ...", notes="The end.")
BARE = Command("bare", "shows", Settings, lambda typed: print(typed))


def test_help_is_made_of_the_settings() -> None:
    assert SHOW.help() == (
        "python -m imbalance_lab show FILE ... [key=value ...]\nShows.\n\n"
        "  rows=3               how many\n"
        "  by=[dataset,model]   what by\n\n"
        "The end."
    )


def test_words_and_settings_are_told_apart() -> None:
    typed = SHOW.parse(["a.csv", "rows=5", "b", "by=[x,y]"])
    assert (typed.words, typed.others, typed.settings) == (["a.csv", "b"], [], Settings(rows=5, by=["x", "y"]))


@pytest.mark.parametrize(
    ("command", "typed", "reason"),
    [
        (SHOW, ["row=5"], "show has no setting 'row'; did you mean rows?"),
        (SHOW, ["colour=5"], "show has no setting 'colour'; python -m imbalance_lab show --help shows"),
        (SHOW, ["rows=5", "rows=6"], "rows= is given twice; several values are a list: rows=[a,b]"),
        (SHOW, ["rows=many"], "rows: Input should be a valid integer"),
        (SHOW, ["by=[a"], "by=[a is no list"),
        (SHOW, ["--rows", "5"], "show takes no '--rows'; did you mean rows?"),
        (BARE, ["nonsense"], "bare takes no 'nonsense'"),
    ],
)
def test_what_has_no_place_is_refused_in_a_line(command, typed: list[str], reason: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(f"error: {reason}")) as stop:
        command(typed)
    assert "\n" not in str(stop.value)


def test_pairs_are_read_alone() -> None:
    assert pairs(["a=1", "b=[x, 'y,z']", "c=u=v"]) == {"a": "1", "b": ["x", "y,z"], "c": "u=v"}
    with pytest.raises(ConfigError, match="rows"):
        build(Settings, {"rows": "none"})


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(name, "--help") == 0
    shown = capsys.readouterr().out
    assert "=True" not in shown and "=False" not in shown  # as everywhere else: true, false
    assert shown.startswith(f"python -m imbalance_lab {name}")
    if name in OURS:
        for one in fields(OURS[name].Settings):
            assert f"  {one.name}=" in shown


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("datasets nonsense", "datasets takes no 'nonsense'"),
        ("weights A=1_0_ B=1", "A=1_0_: the size of a class is a whole number"),
        ("weights A=99999999999999999999999 B=1", "A=99999999999999999999999: the size"),
        ("weights A=1 B=2 formatt=json", "did you mean format?"),
        ("figures", "figures needs runs"),
        ("send", "send needs the folders"),
        ("send urii=x folder", "did you mean uri?"),
        ("comapre", "did you mean compare?"),
    ],
)
def test_a_mistake_is_one_line(typed: str, reason: str) -> None:
    message = invoke(*typed.split())
    assert str(message).startswith("error: ")
    assert reason in message
    assert "\n" not in message


def test_the_main_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("--help") == 0
    shown = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.summary)}$", shown, re.MULTILINE)


def test_a_loss_of_ones_own_is_no_plain_training() -> None:
    identity = job_of(compose(["loss._target_=mine.squared"])).identity
    assert identity.strategy == "squared"
    assert job_of(compose()).identity.strategy == "none"


def test_a_function_is_an_option_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "functions.py").write_text("def loss(y, logits):\n    ...\n\n\ndef make():\n    return 3\n")
    assert instantiate({"_target_": "functions.loss"}).__name__ == "loss"
    assert instantiate({"_target_": "functions.make"}) == 3


def test_a_module_in_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``python -m`` finds it, by the script too."""
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", str(tmp_path))])
    (tmp_path / "mine.py").write_text("from imblearn.over_sampling import RandomOverSampler as Mine\n")
    typed = ["sampler=custom", "sampler._target_=mine.Mine", "tracking=none", "model=logreg"]
    assert invoke(*typed, "evaluation.resamples=50", "evaluation.figures=false") == 0


@pytest.mark.parametrize(
    "typed", [[], *([name] for name in cli.COMMANDS)], ids=lambda typed: "".join(typed) or "program"
)
def test_help_fits_eighty_columns(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(*typed, "--help") == 0
    shown = capsys.readouterr().out.partition("\nSettings (")[0].splitlines()
    assert any("python -m imbalance_lab" in line for line in shown)
    assert [line for line in shown if len(line) > 80] == []
