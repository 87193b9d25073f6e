"""What may be typed instead of Hydra's grammar."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from imbalance_lab.app import messages
from imbalance_lab.app.arguments import expand, quoted, search_folders
from imbalance_lab.errors import ConfigError
from tests.conftest import invoke, records

QUICK = ("tracking=none", "model=logreg", "evaluation.resamples=50", "evaluation.figures=false")
NAMES = ["my data (1).csv", "O'k.csv", "ä.csv", "a=b.csv", "a,b.csv", "back\\slash.csv", 'q"q.csv', "7.csv", "[z].csv"]


def write(name: str) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'rare' if i % 4 == 0 else 'often'}\n" for i in range(60))
    Path(name).write_text(f"x,z,label\n{rows}")


def parsed(override: str) -> object:
    return OverridesParser.create().parse_override(override).value()


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1))
def test_quoted_text_is_read_back_as_it_was(text: str) -> None:
    assert parsed(f"x={quoted(text)}") == text


@pytest.mark.parametrize("text", ["null", "true", "1e3", "7", "a,b", "end\\", "\\'", "${x}"])
def test_text_that_is_no_text_to_hydra_is_quoted(text: str) -> None:
    assert parsed(f"x={quoted(text)}") == text


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_typed_as_it_is_named(name: str) -> None:
    write(name)
    for typed in ([name], ["dataset=csv", f"dataset.path={name}"]):
        option, path, target, rest = expand([*typed, "target=label", "strategy=smote"])
        assert (option, target, rest) == ("dataset=csv", "dataset.target=label", "strategy=smote")
        assert parsed(path) == name


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write("t.csv")
    assert expand(["~/t.csv", "target=y"])[:2] == ["dataset=csv", f"dataset.path={tmp_path}/t.csv"]
    assert expand(["dataset.path=~/t.csv"]) == [f"dataset.path={tmp_path}/t.csv"]
    assert expand(["split.test_path=~/t.csv"]) == [f"split.test_path={tmp_path}/t.csv"]


def test_columns_are_typed_as_they_are_named() -> None:
    assert expand(["target=a b", "drop=[x,z]"]) == ["dataset.target=a b", "dataset.drop=[x,z]"]
    (target,) = expand(["target=weight (kg)"])
    assert parsed(target) == "weight (kg)"
    assert expand(["target=a,b", "-m"]) == ["dataset.target=a,b", "-m"]  # a sweep


def test_flags_may_stand_anywhere() -> None:
    assert expand(["seed=1", "-m", "model=mlp,svm"]) == ["seed=1", "model=mlp,svm", "-m"]
    assert expand(["--config-dir", "own", "~strategy", "--cfg", "job"]) == [
        "~strategy",
        "--config-dir",
        "own",
        "--cfg",
        "job",
    ]


def test_several_tables_are_a_sweep() -> None:
    assert expand(["-m", "a.csv", "b.csv", "target=y"])[:2] == ["dataset=csv", "dataset.path=a.csv,b.csv"]
    with pytest.raises(ConfigError, match="2 tables are a sweep: add -m"):
        expand(["a.csv", "b.csv", "target=y"])


@pytest.mark.parametrize("value", ["1", "[1,2]", "{a: 1, b: [x]}", "'a,b'"])
def test_settings_of_swept_options_are_left_to_the_jobs(value: str) -> None:
    """Of one value, and the same in every job."""
    sweep, setting, _ = expand(["strategy=focal,focal_inv", f"loss.gamma={value}", "-m"])
    override = OverridesParser.create().parse_override(setting)
    assert sweep == "strategy=focal,focal_inv"
    assert override.is_sweep_override()
    (job,) = override.sweep_string_iterator()
    assert parsed(f"x={job}") == parsed(f"x={value}")


def test_other_settings_of_a_sweep_stay() -> None:
    for typed in (["model=mlp,svm", "loss.gamma=1"], ["loss=focal", "loss.gamma=1,2"], ["loss.gamma=1", "loss.x=1,2"]):
        assert expand(["-m", *typed]) == [*typed, "-m"]
    assert expand(["strategy=focal", "loss.gamma=1"]) == ["strategy=focal", "loss.gamma=1"]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["comapre"], "'comapre' is no command, no file and no key=value; did you mean compare"),
        (["smote"], "'smote' is no command, no file and no key=value; --help lists"),
        (["=5"], "'=5' is no command, no file and no key=value"),
        (["seed=1", "compare"], "a command comes first: python -m imbalance_lab compare"),
        (["own_folder"], "'own_folder' is a folder; a table is a file, as in my.csv target=label"),
        (["own_folder/t.csv"], r"t\.csv: which column is to be predicted\? target= names it, one of f 1, label"),
        (["--mlutirun"], "there is no flag --mlutirun; did you mean --multirun"),
    ],
)
def test_what_has_no_meaning_is_refused(typed: list[str], reason: str) -> None:
    Path("own_folder").mkdir()
    Path("own_folder/t.csv").write_text("f 1;label\n1;a\n2;b\n")
    with pytest.raises(ConfigError, match=reason):
        expand(typed)


@pytest.mark.parametrize(
    "typed", [["--help"], ["--cfg", "job"], ["+dataset.target=label"], ["target=label"], ["-m", "target=a,b"]]
)
def test_a_table_is_shown_without_a_column_to_predict_and_run_with_one(typed: list[str]) -> None:
    assert "dataset.path=mine.csv" in expand(["mine.csv", *typed])


def test_folders_of_options_are_found(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for typed in (["--config-dir", "own"], ["--config-dir=own"], ["-cd", "own"], [f"hydra.searchpath=[file://{own}]"]):
        assert search_folders(typed) == [own]
    assert search_folders(["seed=1", "hydra.searchpath=[pkg://hydra.conf]"])[0].name == "conf"
    with pytest.raises(ConfigError, match="there is no folder /nope"):
        search_folders(["hydra.searchpath=[file:///nope]"])


def test_runs_and_sweeps_of_typed_tables(tmp_path: Path) -> None:
    write("my data (1).csv")
    write("O'k.csv")
    assert invoke("my data (1).csv", "target=label", "drop=z", *QUICK) == 0
    assert invoke("-m", "my data (1).csv", "O'k.csv", "target=label", "strategy=none,smote", *QUICK) == 0
    done = [(record["dataset"]["name"], record["strategy"]) for record in records(tmp_path)]
    named = ["my data (1)", "O'k"]
    assert sorted(done) == sorted([("my data (1)", "none"), *((name, s) for name in named for s in ("none", "smote"))])
    config = json.dumps([file.read_text() for file in tmp_path.glob("outputs/*/*/config.yaml")])
    assert "my data (1).csv" in config


def test_nothing_is_composed_to_check_options_and_settings_of_the_program_itself(monkeypatch) -> None:
    """Composing takes as long as a small fit."""
    composed = []
    own = messages._keys
    monkeypatch.setattr(messages, "_keys", lambda *given: composed.append(given) or own(*given))
    assert messages.unknown_name(["-m", "strategy=none,focal", "model=logreg", "seed=range(3)", "resume=true"]) is None
    assert composed == []
    assert "did you mean training.epochs?" in (messages.unknown_name(["trainig.epochs=5"]) or "")
    assert "did you mean seed?" in (messages.unknown_name(["sed=5"]) or "")
