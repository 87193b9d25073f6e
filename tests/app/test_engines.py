"""Engines: the numbers, the lines and the folder of a sweep in a row, whatever becomes of a worker."""

from __future__ import annotations

import json
import logging
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from imbalance_lab.app.launchers.noted import NotedTracker
from imbalance_lab.app.launchers.on_slurm import Slurm
from imbalance_lab.app.launchers.packs import Board
from imbalance_lab.app.launchers.work import Done, Place, lay_down
from imbalance_lab.errors import TrackingError
from imbalance_lab.runs.observers import Tracker
from imbalance_lab.tracking.read import read_runs
from tests.app.cluster import hides_disks, on_its_own_disk, two_nodes
from tests.app.engines import kept
from tests.app.slurm import one_node
from tests.app.stops import statuses
from tests.conftest import TINY, invoke, records, replaced

TRACKED = [typed for typed in TINY if typed != "tracking=none"]
ROOT = Path(__file__).parents[2]
CELLS = ["model=logreg", "strategy=none,inv_freq", "seed=0,1"]
AGENTS = re.compile("Agent")  # of Ray: after a kill they look for their daemon for a minute or two, and then end
SLURM = ["hydra/launcher=slurm"]
SIMULATED = [
    "hydra/launcher=parallel",
    "~hydra.launcher.n_jobs",
    "hydra.launcher.engine=tests.app.engines.Simulated",
]


def sweep(folder: str, *typed: str) -> Path:
    """Run a sweep into a folder, and return that."""
    assert invoke("-m", *replaced(TINY, typed), f"hydra.sweep.dir={folder}") == 0
    return Path(folder)


def python(*typed: str, cwd: Path, status: int = 0) -> str:
    """Run the program in a process of its own, and return what it shows, both streams in one."""
    command = [sys.executable, "-m", "imbalance_lab", *typed]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        cwd=cwd, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=400,
    )  # fmt: skip
    assert done.returncode == status, done.stdout
    return done.stdout


def lines(shown: str, runs: int) -> list[str]:
    """Return what a sweep showed before its comparison, in one order, without the names of who was warned of first."""
    head, counts, _ = shown.partition(f"\n{runs} finished\n")
    assert counts, shown
    return sorted(re.sub(r"^(warning: ).*? seed=\d: .*?;", r"\1", line) for line in head.splitlines())


@pytest.mark.parametrize("apart", [False, True])
def test_an_engine_keeps_and_shows_what_a_sweep_in_a_row_does(apart: bool, capfd: pytest.CaptureFixture) -> None:
    in_a_row = sweep("folder-a", *CELLS)
    shown = capfd.readouterr()
    by_engine = sweep("folder-b", *CELLS, *SIMULATED, f"+hydra.launcher.apart={apart}")
    assert kept(by_engine) == kept(in_a_row)
    assert len(kept(by_engine)) == 4
    again = capfd.readouterr()
    assert again.out.replace("folder-b", "folder-a") == shown.out
    assert again.err == shown.err
    files = {folder: sorted(file.name for file in folder.iterdir()) for folder in (in_a_row, by_engine)}
    assert files[in_a_row] == files[by_engine]  # nothing else is left


@pytest.mark.parametrize(
    ("typed", "outcome"),
    [
        (["model=random_forest", "strategy=none,focal"], "skipped"),
        (["model=custom", "model.estimator._target_=tests.audit.wrong.Raises", "seed=0,1"], "failed"),
        (["model=logreg", "seed=0,oops"], "failed"),
    ],
)
def test_what_is_skipped_and_fails_is_shown_and_recorded_as_in_a_row(
    typed: list[str], outcome: str, capfd: pytest.CaptureFixture
) -> None:
    lines, outcomes = [], []
    for name, engine in (("folder-a", []), ("folder-b", SIMULATED)):
        invoke("-m", *replaced(TINY, typed), *engine, f"hydra.sweep.dir={name}")
        shown = capfd.readouterr()
        lines.append((shown.out.replace(name, "x"), shown.err.replace(name, "x")))
        found = [json.loads(file.read_text()) for file in sorted(Path(name).glob("*/record.json"))]
        outcomes.append([(record["outcome"], record.get("reason"), record["name"]) for record in found])
    assert outcomes[0] == outcomes[1]
    assert outcome in [one for one, *_ in outcomes[0]]
    assert lines[0] == lines[1]


def test_a_run_whose_worker_is_lost_has_failed_with_its_reason_and_is_made_up_for(
    store: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    typed = ["-m", *TRACKED, *CELLS, *SIMULATED]
    assert invoke(*typed, "+hydra.launcher.lost=[1]") == 1
    assert "failed: synthetic, none logreg seed=1: its machine burnt" in capfd.readouterr().err
    assert sorted(record["outcome"] for record in records(tmp_path)) == ["failed", "finished", "finished", "finished"]
    assert sorted(statuses(store)) == ["FAILED", "FAILED", "FINISHED", "FINISHED", "FINISHED"]  # one is the sweep's
    assert invoke(*typed, "resume=true") == 0
    assert "1 finished, 3 already finished" in capfd.readouterr().out
    runs = read_runs(f"sqlite:///{store}", "balanced_accuracy").runs
    assert (runs.outcome == "finished").sum() == 4
    assert "RUNNING" not in statuses(store)


def test_ctrl_c_records_the_cell_that_was_made_and_leaves_nothing_running(store: Path, tmp_path: Path) -> None:
    assert invoke("-m", *TRACKED, *CELLS, *SIMULATED, "+hydra.launcher.stop_at=2") == "interrupted"
    found = [(record["outcome"], record.get("reason")) for record in records(tmp_path)]
    assert found == [("finished", None), ("finished", None), ("killed", "SIGINT received")]
    assert "RUNNING" not in statuses(store)
    assert invoke("-m", *TRACKED, *CELLS, "resume=true") == 0
    assert sum(record["outcome"] == "finished" for record in records(tmp_path)) == 4


def test_a_table_that_a_worker_does_not_see_is_named_with_the_worker(
    tmp_path: Path, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{i % 13},{'b' if i % 5 == 0 else 'a'}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    monkeypatch.setattr("imbalance_lab.app.checks.check_data", lambda config, grid: (tmp_path / "t.csv").unlink())
    typed = ["t.csv", "target=y", "tracking=none", "model=logreg", "seed=0,1", "evaluation.resamples=50"]
    assert invoke("-m", *typed, *SIMULATED, "+hydra.launcher.apart=true") == 1
    assert "t.csv" in (shown := capfd.readouterr().err)
    assert "which does not see the sweep's disk" in shown


def test_a_tracker_hears_what_was_noted_in_the_order_in_which_it_was_said(tmp_path: Path) -> None:
    heard = []

    class Listening(Tracker):
        def start(self, identity, config):
            heard.append(("start", config))

        def epoch(self, fold, epoch, metrics):
            heard.append(("epoch", epoch))

        def finish(self, record, folder):
            heard.append(("finish", record, folder))
            raise TrackingError("nobody is there")

    noted = NotedTracker()
    noted.start(None, {"seed": 0})
    noted.epoch(None, 1, {"loss": 0.5})
    noted.finish({"outcome": "finished"}, Path("elsewhere"))
    with pytest.raises(TrackingError):
        noted.repeat(Listening(), tmp_path)
    assert heard == [("start", {"seed": 0}), ("epoch", 1), ("finish", {"outcome": "finished"}, tmp_path)]


def test_files_are_laid_down_with_the_record_last(tmp_path: Path) -> None:
    lay_down({"record.json": b"{}", "models/0/model": b"\x00", "classes.csv": b"class"}, tmp_path / "0")
    files = {str(file.relative_to(tmp_path / "0")): file for file in (tmp_path / "0").rglob("*") if file.is_file()}
    assert {name: file.read_bytes() for name, file in files.items()} == {
        "record.json": b"{}", "models/0/model": b"\x00", "classes.csv": b"class",
    }  # fmt: skip
    assert max(files, key=lambda name: files[name].stat().st_mtime_ns) == "record.json"


def test_a_place_is_seen_by_whoever_finds_its_file(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    assert Place(tmp_path, tmp_path, "token", ()).is_seen
    assert not Place(tmp_path, tmp_path, "another", ()).is_seen


def test_of_a_lost_task_the_run_that_it_made_is_to_blame_and_the_others_are_made_again(tmp_path: Path) -> None:
    tasks = [SimpleNamespace(number=number) for number in range(4)]
    board, pack = Board(tmp_path), SimpleNamespace(tasks=tasks)
    board.add(tasks)
    (tmp_path / "0.done").write_bytes(pickle.dumps(Done(0, "finished", "", None, NotedTracker(), None)))
    lost = []
    for _ in range(2):
        (tmp_path / "1.begun").touch()
        board.take()
        assert board.running == {1}
        lost.append(board.lose(pack))
    assert lost == [[], [1]]
    assert board.left == {2, 3}
    assert [board.lose(pack), board.lose(pack)] == [[], [2, 3]]  # it ended twice before it began anything
    assert board.left == set()


def test_what_has_ended_is_taken_once_in_the_order_in_which_it_did(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.add([SimpleNamespace(number=number) for number in range(3)])
    for at, number in enumerate((2, 0)):
        file = tmp_path / f"{number}.done"
        file.write_bytes(pickle.dumps(Done(number, "finished", "", None, NotedTracker(), None)))
        os.utime(file, (at, at))
    assert [done.number for done in board.take()] == [2, 0]
    assert board.take() == []
    assert board.left == {1}


def test_what_hydra_does_for_a_job_by_itself_is_done_in_a_row_too(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TITLE", "before")
    cells = [*CELLS, "dataset.title=${oc.env:TITLE}", "+hydra.job.env_set.TITLE=during"]
    plain, asked = sweep("plain", *cells), sweep("asked", *cells, "hydra.output_subdir=.hydra")
    assert os.environ["TITLE"] == "before"
    assert {json.loads(file.read_text())["dataset"]["name"] for file in plain.glob("*/record.json")} == {"during"}
    assert not (plain / "1" / ".hydra").exists()
    assert "- seed=1" in (asked / "1" / ".hydra" / "overrides.yaml").read_text()
    assert [run["metrics"] for run in kept(plain).values()] == [run["metrics"] for run in kept(asked).values()]


@pytest.mark.slow
def test_processes_give_the_bits_of_a_sweep_in_a_row_and_make_a_run_of_a_lost_one_again(tmp_path: Path) -> None:
    once = ["model=custom", "model.estimator._target_=tests.app.lost.DiesOnce", "+model.estimator.file=died"]
    typed = replaced(TINY, ["strategy=none,inv_freq", "seed=0,1", *once])
    parallel = ["hydra/launcher=parallel", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=parallel"]
    shown = python("-m", *typed, *parallel, "hydra.sweeper.max_batch_size=3", cwd=tmp_path)
    assert (tmp_path / "died").exists()
    in_a_row = python("-m", *typed, "hydra.sweep.dir=row", cwd=tmp_path)
    assert kept(tmp_path / "parallel") == kept(tmp_path / "row")
    assert lines(shown.replace("parallel", "row"), 4) == lines(in_a_row, 4)
    never = ["model=custom", "model.estimator._target_=tests.app.lost.Dies", "+model.estimator.file=never"]
    always = replaced(TINY, never)
    shown = python("-m", *always, *parallel, cwd=tmp_path, status=1)
    assert "its worker was lost 2 times, the last time as its process was ended by SIGKILL" in shown


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        (["hydra/launcher=ray", "hydra.launcher.address=127.0.0.1:1"], "no Ray cluster at hydra.launcher.address=127"),
        (["hydra/launcher=ray", "hydra.launcher.address=here"], "is no address of a Ray cluster; write host:6379"),
        (["hydra/launcher=ray", "hydra.launcher.cpus=0"], "hydra.launcher.cpus: Input should be greater than 0"),
        (["hydra/launcher=ray", "hydra.launcher.workers=0"], "hydra.launcher.workers: Input should be greater"),
        (["hydra/launcher=ray", "hydra.launcher.workers=many"], "hydra.launcher.workers: Input should be a valid int"),
        (["hydra/launcher=ray", "hydra.launcher.engine=nothing.Engine"], "there is no nothing.Engine"),
        (["hydra/launcher=ray", "hydra.launcher.wrokers=2"], "wrokers"),
        (["hydra/launcher=slurm", "hydra.launcher.cluster=here"], "hydra.launcher.cluster: Input should be 'slurm' or"),
        (["hydra/launcher=slurm", "hydra.launcher.cells_per_task=0"], "hydra.launcher.cells_per_task: Input should be"),
        (
            ["hydra/launcher=slurm", "hydra.launcher.minutes=soon"],
            "hydra.launcher.minutes: Input should be a valid int",
        ),
    ],
)
def test_an_engine_that_is_not_there_is_refused_before_the_sweep_begins(
    typed: list[str], part: str, store: Path, capfd: pytest.CaptureFixture
) -> None:
    line = str(invoke("-m", *TRACKED, *CELLS, *typed))
    assert line.startswith("error: ") and part in line and "\n" not in line and len(line) <= 200
    assert statuses(store) == []
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.slow
def test_what_listens_and_is_no_ray_cluster_is_refused(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr("imbalance_lab.app.launchers.on_ray.SECONDS_TO_BE_WELL", 5.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        line = str(invoke("-m", *TRACKED, *CELLS, "hydra/launcher=ray", f"hydra.launcher.address={where}"))
    assert line.startswith(f"error: what answers at hydra.launcher.address={where} is no Ray cluster")
    assert statuses(store) == []


@pytest.mark.parametrize(("library", "extra", "launcher"), [("ray", "ray", "ray"), ("submitit", "slurm", "slurm")])
def test_an_engine_whose_extra_is_not_installed_says_what_to_install(
    library: str, extra: str, launcher: str, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Without(library), *sys.meta_path])
    line = invoke("-m", *TRACKED, *CELLS, f"hydra/launcher={launcher}")
    assert line == f"error: {library} is not installed; pip install 'imbalance-lab[{extra}]'"
    assert statuses(store) == []


def test_slurm_leaves_the_handlers_of_logging_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "submitit"]:
        monkeypatch.delitem(sys.modules, name)
    with closing(logging.FileHandler(os.devnull)) as handler:
        Slurm(cluster="local").check()
        assert handler.stream is not None  # a closed one has none


class _Without:
    """Finds no library of a name."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == self._library:
            raise ModuleNotFoundError(f"No module named '{name}'", name=self._library)


@pytest.mark.slow
def test_ray_gives_the_bits_of_a_sweep_in_a_row_and_makes_a_cell_of_a_lost_worker_again(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    lost = ["model=custom", "model.estimator._target_=tests.app.lost.DiesOnce", "+model.estimator.file=died"]
    typed = replaced(TINY, ["strategy=none,inv_freq", "seed=0,1"])
    (tmp_path / "died").touch()
    in_a_row = python("-m", *typed, "model=logreg,mlp", "hydra.sweep.dir=row", cwd=tmp_path)
    python("-m", *typed, *lost, "hydra.sweep.dir=row-lost", cwd=tmp_path)
    (tmp_path / "died").unlink()
    ray = ["hydra/launcher=ray", "hydra.launcher.workers=2"]
    by_ray = python("-m", *typed, "model=logreg,mlp", *ray, "hydra.sweep.dir=ray", cwd=tmp_path)
    assert kept(tmp_path / "ray") == kept(tmp_path / "row")
    assert len(kept(tmp_path / "ray")) == 8
    assert lines(by_ray.replace("ray", "row"), 8) == lines(in_a_row, 8)
    python("-m", *typed, *lost, *ray, "hydra.sweep.dir=ray-lost", cwd=tmp_path)
    assert (tmp_path / "died").exists()
    assert kept(tmp_path / "ray-lost") == kept(tmp_path / "row-lost")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own, in this process
def test_a_cluster_that_shares_no_disk_and_loses_a_node_leaves_the_folder_of_a_sweep_in_a_row(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    if not hides_disks():
        pytest.skip("this machine gives no process a disk of its own")
    typed = ["-m", *TRACKED, "model=logreg,mlp", "strategy=none,inv_freq", "seed=range(6)", "hydra.sweep.dir=runs"]
    given, disk, out = tmp_path / "given", tmp_path / "disk", tmp_path / "out"
    for folder in (given, out):
        folder.mkdir()
    with two_nodes(tmp_path) as nodes:
        ray = ["hydra/launcher=ray", f"hydra.launcher.address={nodes.address}"]
        process = on_its_own_disk([*typed, *ray], given, disk, out)
        assert process.stdout is not None
        shown = []
        for line in process.stdout:
            shown.append(line)
            if len(shown) == 4:  # three runs have ended
                nodes.cluster.remove_node(nodes.second, allow_graceful=False)
        assert process.wait(timeout=60) == 0, "".join(shown)
    assert list(disk.iterdir()) == []  # nothing was written where it is not seen
    assert not [file for name in ("first", "second") for file in (tmp_path / name).rglob("*")]
    row = tmp_path / "row"
    row.mkdir()
    assert lines("".join(shown), 24) == lines(python(*typed, cwd=row), 24)
    assert kept(out / "runs") == kept(row / "runs")
    assert len(kept(out / "runs")) == 24
    runs = read_runs(f"sqlite:///{out / 'mlflow.db'}", "balanced_accuracy").runs
    assert sorted(runs.outcome) == ["finished"] * 24
    assert "RUNNING" not in statuses(out / "mlflow.db")


@pytest.mark.slow
def test_submitit_on_this_machine_gives_the_bits_of_a_sweep_in_a_row(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    typed = ["-m", *replaced(TINY, ["model=logreg", "strategy=none,inv_freq", "seed=0,1"])]
    local = [*SLURM, "hydra.launcher.cluster=local", "hydra.launcher.at_once=2", "hydra.launcher.cells_per_task=2"]
    in_a_row = python(*typed, "hydra.sweep.dir=row", cwd=tmp_path)
    packed = python(*typed, *local, "hydra.sweep.dir=packed", cwd=tmp_path)
    assert kept(tmp_path / "packed") == kept(tmp_path / "row")
    assert lines(packed.replace("packed", "row"), 4) == lines(in_a_row, 4)
    files = {name: sorted(file.name for file in (tmp_path / name).iterdir()) for name in ("row", "packed")}
    assert files["row"] == files["packed"]


@pytest.mark.slow
def test_a_slurm_of_one_node_runs_a_sweep_whatever_becomes_of_its_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit")
    slurm = [*SLURM, "hydra.launcher.at_once=2", "hydra.launcher.cells_per_task=3"]
    with one_node(tmp_path / "slurm", monkeypatch):
        # one run kills its task the first time, then one does so as often as it is made
        both = ["-m", *TRACKED, "model=custom"]
        once = ["model.estimator._target_=tests.app.lost.DiesOnce", f"+model.estimator.file={tmp_path / 'died'}"]
        assert "6 finished" in python(*both, *once, "strategy=none,inv_freq", "seed=range(3)", *slurm, cwd=tmp_path)
        assert (tmp_path / "died").exists()
        always = ["model.estimator._target_=tests.app.lost.Dies", f"+model.estimator.file={tmp_path / 'never'}"]
        shown = python(*both, *always, "strategy=none", *slurm, cwd=tmp_path, status=1)
        assert "1 failed" in shown
        assert "its task was lost 2 times" in shown
        assert "RUNNING" not in statuses(tmp_path / "mlflow.db")
        line = python("-m", *TRACKED, *CELLS, *slurm, "hydra.launcher.partition=none", cwd=tmp_path, status=1)
        assert line == "error: there is no Slurm partition hydra.launcher.partition=none; there are: short\n"
        line = python("-m", *TRACKED, *CELLS, *slurm, "hydra.launcher.sbatch={oops: 1}", cwd=tmp_path, status=1)
        assert re.fullmatch(r"sweep .*: 4 runs\nerror: Slurm refuses the tasks \(sbatch: .*oops.*\)\n", line)
        assert "RUNNING" not in statuses(tmp_path / "mlflow.db")
        assert subprocess.run(["squeue", "--noheader"], capture_output=True, text=True).stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "number"),
    [("ray", signal.SIGINT), ("ray", signal.SIGKILL), ("slurm", signal.SIGTERM), ("slurm", signal.SIGKILL)],
)
def test_a_sweep_that_is_stopped_leaves_no_worker_and_nothing_running(
    engine: str, number: signal.Signals, tmp_path: Path, store: Path
) -> None:
    pytest.importorskip({"ray": "ray", "slurm": "submitit"}[engine])
    typed = ["-m", *TRACKED, "model=logreg", "seed=range(80)"]
    local = [*SLURM, "hydra.launcher.cluster=local", "hydra.launcher.at_once=1", "hydra.launcher.cells_per_task=80"]
    engines = {"ray": ["hydra/launcher=ray", "hydra.launcher.workers=1"], "slurm": local}
    command = [sys.executable, "-m", "imbalance_lab", *typed, *engines[engine]]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout:
        shown = [process.stdout.readline() for _ in range(4)]
        others = psutil.Process(process.pid).children(recursive=True)
        workers = [other for other in others if not AGENTS.search(other.name())]
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        assert process.wait(timeout=60) != 0
        shown.append(process.stdout.read())
    assert len(workers) >= 2, others
    _, alive = psutil.wait_procs(workers, timeout=25)
    assert alive == [], "".join(shown)
    assert "Traceback" not in "".join(shown)
    if number != signal.SIGKILL:
        assert "interrupted" in shown[-1]
        assert "RUNNING" not in statuses(store)
        assert {record["outcome"] for record in records(tmp_path)} <= {"finished", "killed"}
    done = sum(record["outcome"] == "finished" for record in records(tmp_path))
    assert invoke(*typed[:-1], f"seed=range({done + 2})", "resume=true") == 0
    runs = read_runs(f"sqlite:///{store}", "balanced_accuracy").runs
    assert sorted(runs.name[runs.outcome == "finished"]) == sorted(f"none logreg seed={k}" for k in range(done + 2))
