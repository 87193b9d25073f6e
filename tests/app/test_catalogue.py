"""``options``: what can be chosen, with a line on each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imbalance_lab import options
from imbalance_lab.app.catalogue import line_of, settings_of
from tests.conftest import invoke


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "steeper.py").write_text('class Steep:\n    """A steeper one.\n\n    And more.\n    """\n')
    (tmp_path / "own" / "loss").mkdir(parents=True)
    (tmp_path / "own" / "loss" / "steep.yaml").write_text("_target_: steeper.Steep\ngamma: 5.0\n")
    return tmp_path / "own"


def printed(capsys: pytest.CaptureFixture[str], *typed: str) -> str:
    assert invoke("options", *typed) == 0
    return capsys.readouterr().out


def test_every_option_has_a_line_and_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys)
    for group in options.groups():
        assert f"\n{group}=" in f"\n{shown}"
        for name in options.names(group):
            (line,) = {
                part
                for part in shown.split(f"\n{group}=")[-1].split("\n\n")[0].splitlines()
                if part[2:].split(" ")[0] == name
            }
            assert len(line.split()) > 1, line
    assert "gamma=2.0 alpha=null" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_setting_that_must_be_given_has_no_default() -> None:
    assert settings_of(options.CONF / "model" / "custom.yaml") == ["estimator._target_="]


def test_an_option_is_shown_as_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    for typed in ("focal", "loss=focal"):
        shown = printed(capsys, typed)
        assert shown.startswith("loss=focal\n")
        assert "weight of each class" in shown
    assert printed(capsys, "none").count("none\n") == 7  # of four slots, of strategies, stress and tuning


def test_a_recipe_of_one_slot_is_shown_as_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "strategy=focal") == printed(capsys, "loss=focal")


def test_options_from_outside_are_shown(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(own.parent)
    assert line_of(own / "loss" / "steep.yaml") == "A steeper one."
    assert "A steeper one." in printed(capsys, "loss", "--config-dir", str(own))
    monkeypatch.setattr(options.registry, "folders", lambda: (options.CONF, own))
    assert "A steeper one." in printed(capsys, "loss")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["focall"], "there is no group or option 'focall'; did you mean focal?"),
        (["lss"], "did you mean loss?"),
        (["loss=smote"], "there is no loss=smote: smote is a sampler; did you mean sampler=smote"),
        (["loss=focall"], "there is no loss=focall; did you mean focal?"),
        (["--config-dir", "nope"], "there is no folder nope"),
    ],
)
def test_what_is_not_there_is_refused(typed: list[str], reason: str) -> None:
    assert reason in str(invoke("options", *typed))


def test_options_of_losses_load_no_tensorflow() -> None:
    code = (
        "import sys; from imbalance_lab.app.cli import main; main(['options', 'loss', 'strategy', 'decision'])\n"
        "print('HEAVY', [m for m in ('tensorflow', 'keras', 'mlflow') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "HEAVY []"
