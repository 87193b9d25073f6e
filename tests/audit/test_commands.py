"""Commands that an audit typed: each is refused with its reason, or runs.

A row of ``commands.jsonl`` holds what was typed (``{long}`` stands for 600 letters), the part of the line that must
come (null: it runs), the folder it was typed in, and whether it may also run.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.conftest import QUICK
from tests.audit.files import bytes_of_files, frames, parquets
from tests.conftest import invoke

ROWS = [json.loads(line) for line in (Path(__file__).parent / "commands.jsonl").read_text().splitlines()]
IN_THE_FAST_SUITE = 9  # one in so many
COMMANDS = ("recommend", "refit", "predict", "options", "compare", "weights", "datasets", "figures", "send")


def cases(rows: list[Any]) -> list[Any]:
    slow = [
        number % IN_THE_FAST_SUITE > 0 or (isinstance(row, dict) and "slow" in row) for number, row in enumerate(rows)
    ]
    marks = [[pytest.mark.slow] if one else [] for one in slow]
    return [pytest.param(row, id=str(number), marks=m) for number, (row, m) in enumerate(zip(rows, marks, strict=True))]


@pytest.mark.parametrize("row", cases(ROWS))
def test_each_command_is_refused_with_its_reason_or_runs(row: dict[str, Any], refusal: Callable[..., str]) -> None:
    typed = [argument.format(long="x" * 600) if "{long}" in argument else argument for argument in row["typed"]]
    if row["part"] is None and typed[0] not in COMMANDS:
        typed += QUICK
    reason = refusal(*typed, folder=row.get("folder", "."))
    if row["part"] is None:
        assert reason == ""
    elif reason or not row.get("either"):
        assert row["part"] in reason
        assert reason != ""


@pytest.mark.parametrize("name", cases(sorted([*(f"{n}.csv" for n in frames()), *bytes_of_files()])))
@pytest.mark.parametrize("target", ["label", "[g,h]", "0"])
def test_each_table_runs_or_is_refused_by_name(name: str, target: str, refusal: Callable[..., str]) -> None:
    reason = refusal(f"data/{name}", f"target={target}", "model=logreg", *QUICK)
    named = name.partition(".")[0], "min_class_rows", "leave such labels out", "cannot be fitted to these rows"
    assert not reason or any(part in reason for part in named), reason


@pytest.mark.parametrize("name", cases(sorted(parquets())))
def test_each_parquet_file_runs_or_is_refused_by_name(name: str, refusal: Callable[..., str]) -> None:
    reason = refusal(f"data/{name}.parquet", "target=label", "model=logreg", *QUICK)
    assert not reason or name in reason, reason


@pytest.mark.parametrize("record", ["cut", "bare", "list", "nothing", "binary"])
@pytest.mark.parametrize("command", ["send", "figures"])
def test_a_damaged_record_is_named(command: str, record: str, refusal: Callable[..., str]) -> None:
    assert f"records/{record}" in refusal(command, f"records/{record}")


def test_what_is_no_folder_of_a_run_is_named(refusal: Callable[..., str]) -> None:
    assert refusal("figures", "data/ok.csv").startswith("data/ok.csv is no folder of a run; figures takes the folders")
    assert refusal("send", "data/ok.csv") == "data/ok.csv is no folder of a run"
    assert refusal("send", "nowhere") == "there is no folder nowhere"


@pytest.mark.parametrize(
    ("typed", "slots"),
    [
        ("strategy=smote+focal", "sampler=smote loss=focal"),
        ("strategy=focal(gamma=1)", "loss=focal loss.gamma=1"),
        ("strategy=inv_freq+focal(gamma=1)", "class_weight=inv_freq loss=focal loss.gamma=1"),
    ],
)
def test_a_printed_name_is_told_as_it_is_typed(typed: str, slots: str, refusal: Callable[..., str]) -> None:
    assert refusal(typed) == f"there is no {typed}; it is typed {slots}"


def test_several_values_without_a_sweep_ask_for_one(refusal: Callable[..., str]) -> None:
    assert refusal("strategy=none,smote") == "strategy=none,smote are several values, which make a sweep: add -m"
    assert refusal("seed=range(3)").endswith("add -m")
    assert refusal("output_dir=a,b").endswith("add -m; as one value it is \"output_dir='a,b'\"")


def test_a_mistyped_path_leaves_no_experiment(refusal: Callable[..., str], place: Path) -> None:
    from mlflow import MlflowClient

    assert "there is no file mistyped.csv" in refusal("mistyped.csv", "target=label", "model=logreg")
    assert "there is no file mistyped.csv" in refusal("-m", "mistyped.csv", "target=label", "model=logreg", "seed=1,2")
    assert MlflowClient(f"sqlite:///{place}/mlflow.db").get_experiment_by_name("mistyped") is None


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["modell.x=5,6"], "there is no setting 'modell.x'"),
        (["model=logreg,logrge"], "there is no model=logrge; did you mean logreg?"),
        (["strategy=focal,none", "loss.gamma=1"], "there is no setting 'loss.gamma'"),
        (["data/mixed.csv", "target=label", "seed=range(35)"], "column 'f1'"),
        (["dataset=keel", "dataset.name=yeast,ecolli"], "there is no KEEL set 'ecolli'; did you mean ecoli"),
        (["data/ok.csv", "data/inf.csv", "target={ok:label}"], "target: names no target for inf.csv, only for ok"),
        (["data/ok.csv", "data/ml.csv", "target=label,h"], "a target for each: 'dataset.target={ok:label,ml:h}'"),
        (["data/ok.csv", "data/my data (1).csv", "target=h"], r"'dataset.target={ok:...,my\ data\ \(1\):...}'"),
    ],
)
def test_a_sweep_that_is_mistyped_does_not_start(
    typed: list[str], reason: str, refusal: Callable[..., str], place: Path
) -> None:
    before = set(place.glob("multirun/*/*"))
    assert reason in refusal("-m", *typed)
    assert set(place.glob("multirun/*/*")) == before


def test_a_proposed_mapping_gives_each_table_its_target(refusal: Callable[..., str], place: Path) -> None:
    files = "data/ok.csv", "data/my data (1).csv", "data/ml.csv"
    typed = ("-m", *files, "model=logreg", *QUICK, "hydra.sweep.dir=own_targets")
    reason = refusal(*typed, "target=label,label,h")
    (proposed,) = shlex.split(reason.partition("a target for each: ")[2])
    assert refusal(*typed, proposed) == ""
    runs = [json.loads(file.read_text()) for file in place.glob("own_targets/*/record.json")]
    named = {run["dataset"]["name"]: sorted(run["dataset"]["classes"]) for run in runs}
    assert named == {"ok": ["a", "b"], "my data (1)": ["a", "b"], "ml": ["0", "1"]}


def test_an_option_of_ones_own_that_exits_is_a_failure(refusal: Callable[..., str]) -> None:
    typed = ["model=custom", "model.estimator._target_=tests.audit.wrong.Exits"]
    assert "sys.exit(3)" in refusal(*typed)
    assert invoke("-m", *typed, "seed=1,2", "tracking=none") == 1


def test_a_split_of_ones_own_is_named_by_its_class_and_refused_if_it_leaks(
    refusal: Callable[..., str], place: Path
) -> None:
    typed = ("split._target_=tests.audit.wrong.{}", "model=logreg", *QUICK, "output_dir=own_split")
    refused = "Leaky is refused: 539 of its 539 test rows are training rows"  # a third of 1,616
    assert refused in refusal(typed[0].format("Leaky"), *typed[1:])
    assert refusal(typed[0].format("Rearranged"), *typed[1:]) == ""
    record = json.loads((place / "own_split" / "record.json").read_text())
    assert record["identity"]["config"]["options"]["split"] == "Rearranged"
    assert "split: Rearranged" in (place / "own_split" / "config.yaml").read_text()
