"""``python -m imbalance_lab compare``, from a store or a folder to the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from imbalance_lab.app.compare import main, parse, read, select
from imbalance_lab.comparison import Settings
from imbalance_lab.tracking.read import read_runs
from tests.conftest import TINY, invoke

SWEEP = [
    *(typed for typed in TINY if typed != "tracking=none"),
    "strategy=none,tuned_threshold,inv_freq,focal",
    "model=logreg",
    "seed=range(3)",
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a sweep of twelve cells, three of them skipped, and two cross-validated runs."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert invoke("-m", *SWEEP) == 0
        cv = [typed for typed in SWEEP if not typed.startswith(("strategy", "seed"))]
        assert invoke("-m", *cv, "strategy=none,inv_freq", "split=cv", "split.folds=3") == 0
    return f"sqlite:///{folder / 'mlflow.db'}"


def output(capsys, *arguments: str) -> str:
    main(arguments)
    return capsys.readouterr().out


def test_a_sweep_is_compared(runs: str, capsys) -> None:
    shown = output(capsys, f"uri={runs}")
    assert "synthetic, logreg, split.folds=3" in shown
    assert "inv_freq" in shown and "Not finished" in shown
    assert "loss=focal cannot train model=logreg" in shown


def test_the_numbers_are_those_that_were_logged(runs: str, capsys) -> None:
    tree = json.loads(output(capsys, f"uri={runs}", "format=json", "sweep=last"))
    client = MlflowClient(runs)
    (experiment,) = (e for e in client.search_experiments() if e.name == "synthetic")
    logged = {
        run.data.tags["strategy"]: run.data.metrics["test/balanced_accuracy"]
        for run in client.search_runs([experiment.experiment_id])
        if run.data.params.get("split.folds") == "3"
    }
    (group,) = tree["groups"]
    assert {row["strategy"]: row["mean"] for row in group["strategies"]} == pytest.approx(logged)
    assert {row["values"] for row in group["strategies"]} == {3}


def test_records_on_disk_give_the_comparison_that_mlflow_gives(runs: str, capsys, monkeypatch) -> None:
    monkeypatch.chdir(Path(runs.removeprefix("sqlite:///")).parent)
    from_mlflow, from_disk = (
        json.loads(output(capsys, given, "format=json")) for given in (f"uri={runs}", "folder=multirun")
    )
    assert len(from_disk["groups"]) == 2
    assert from_disk == from_mlflow


def test_several_folders_are_read_together(runs: str, capsys, monkeypatch) -> None:
    monkeypatch.chdir(Path(runs.removeprefix("sqlite:///")).parent)
    sweeps = sorted(str(file.parent) for file in Path("multirun").glob("*/*/sweep.json"))
    assert len(sweeps) == 2
    both = json.loads(output(capsys, f"folder=[{','.join(sweeps)}]", "format=json"))
    (one,) = (json.loads(output(capsys, f"folder={folder}", "format=json")) for folder in sweeps[1:])
    assert (len(both["groups"]), len(one["groups"])) == (2, 1)


def test_filters(runs: str) -> None:
    table = read_runs(runs, "macro_f1")
    kept = select(table, {"strategy": ["none", "inv_freq"], "seed": ["0", "1"], "split.test": ["0.2"]})
    assert sorted(kept.runs.strategy) == ["inv_freq", "inv_freq", "none", "none"]
    assert len(select(table, {"sweep": ["last"]})) == 2


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("modle=mlp", "runs have no 'modle'; did you mean model?"),
        ("metrc=f1", "did you mean metric?"),
        ("strategy=smot", "no run has strategy=smot; there is strategy=focal, inv_freq, none, tuned_threshold"),
        ("strategy=focall", "no run has strategy=focall; did you mean strategy=focal?"),
        ("baseline=foo", "no run has the baseline 'foo'; baseline= can be inv_freq, none, tuned_threshold"),
        ("control=tuned_treshold", "no run has the control 'tuned_treshold'; did you mean tuned_threshold?"),
        ("sweep=foo", "no run has sweep=foo; there is sweep="),
        ("metric=lift", "no run logged the metric 'lift'; there are accuracy, average_precision, balanced_accuracy"),
        ("metric=macro_f2", "no run logged the metric 'macro_f2'; did you mean macro_f1?"),
        ("by=datset", "runs have no 'datset'; did you mean dataset?"),
        ("metric=f1", "no run logged the metric 'f1'"),
        ("experiment=nothing", "there is no experiment nothing; there are: Default, synthetic"),
        ("by=[datset]", "runs have no 'datset'"),
        ("by=[dataset", "is no list"),
        ("rope=wide", "rope=wide: Input should be a valid number"),
        ("rope=-1", "rope=-1"),
        ("confidence=95", "confidence=95"),
        ("format=pdf", "format=pdf"),
        ("metric=f1 metric=mcc", "metric= is given twice"),
        ("model", "'model': arguments are key=value"),
        ("outcome=failed", "there is outcome=finished, skipped"),
        ("outcome=skipped", "no finished runs"),
        ("folder=.", "folder= reads records on disk, uri= and experiment= read MLflow: give one of them"),
    ],
)
def test_mistakes_are_explained_in_a_line(typed: str, shown: str, runs: str) -> None:
    with pytest.raises(SystemExit) as error:
        main([f"uri={runs}", *typed.split(" ")])
    assert shown in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 200


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(SystemExit, match="there is no folder multirum"):
        main(["folder=multirum"])


def test_runs_of_no_sweep_and_damaged_records_are_said() -> None:
    for name in ("a", "b"):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "record.json").write_text('{"outcome": "fini')
    with pytest.raises(
        SystemExit, match=r"no finished runs to compare: runs/a/record\.json is left out: Unterminated .*1 more"
    ):
        main(["folder=runs"])
    content = {"outcome": "finished", "name": "alone", "strategy": "none", "model": "mlp", "dataset": {"name": "d"}}
    Path("runs", "a", "record.json").write_text(json.dumps(content | {"metrics": {"balanced_accuracy": 0.5}}))
    with pytest.raises(SystemExit, match="no run has sweep=foo; none has a sweep"):
        main(["folder=runs", "sweep=foo"])


def test_a_store_that_is_not_there() -> None:
    with pytest.raises(SystemExit, match=r"there is no mlflow\.db here"):
        main([])
    assert not Path("mlflow.db").exists()


def test_help_and_files(runs: str, capsys, tmp_path: Path) -> None:
    assert "baseline=none" in output(capsys, "--help")
    shown = output(capsys, f"uri={runs}", "format=csv", "out=table.csv")
    assert "table.csv" in shown
    assert "inv_freq" in (tmp_path / "table.csv").read_text()


def test_lists_and_texts_are_separated() -> None:
    request, settings, filters = parse(["experiment=[a,b]", "by=[model]", "rope=0.02", "strategy=focal(gamma=5)"])
    assert (request.experiments, settings.by, settings.rope) == (["a", "b"], ["model"], 0.02)
    assert filters == {"strategy": ["focal(gamma=5)"]}


def test_the_store_of_the_environment_is_read(runs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", runs)
    assert len(read(parse([])[0], Settings()).runs) == 14


def test_runs_of_other_programs_are_left_alone(store: Path) -> None:
    client = MlflowClient(f"sqlite:///{store}")
    client.create_run(client.create_experiment("theirs"))
    with pytest.raises(SystemExit, match="no finished runs"):
        main([])


def test_tensorflow_is_never_imported(runs: str) -> None:
    check = (
        "import sys; from imbalance_lab.app.compare import main; "
        f"main(['uri={runs}']); sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], stdout=subprocess.DEVNULL).returncode == 0


def test_every_format_has_the_means(runs: str, capsys) -> None:
    shown = output(capsys, f"uri={runs}", "split.folds=3", "format=matrix").splitlines()
    assert shown[0].startswith("of,dataset,") and "inv_freq,inv_freq deviation" in shown[0]
    assert "\\toprule" in output(capsys, f"uri={runs}", "format=latex")
    everything = output(capsys, f"uri={runs}", "columns=all")
    assert "worst recall" in everything and "worst recall" not in output(capsys, f"uri={runs}")


def test_help_names_every_setting(capsys) -> None:
    shown = output(capsys, "--help")
    assert "columns=few" in shown
    assert all(word in shown for word in ("terminal", "markdown", "csv", "matrix", "latex", "json", "html"))
