from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from imbalance_lab.app.lines import MAX_LENGTH
from tests.audit.files import RECORDS, lay_down
from tests.conftest import invoke

HERE = Path(__file__).parent
DRAWN = "drawn.csv"  # a table that is written anew for each try
QUICK = ("evaluation.resamples=50", "evaluation.figures=false")
SWEEP = (
    "-m", *QUICK, "dataset=synthetic", "dataset.rows=240", "dataset.priors={a: 0.6, b: 0.3, c: 0.1}", "model=logreg",
    "strategy=none,ros,inv_freq", "seed=range(3)",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with this folder's tests: a second process takes over tests from the end, and these are counted in one."""
    items.sort(key=lambda item: item.path.parent != HERE)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, _migrated: Path) -> Path:
    """A folder with the files, and folders in it: of a store with runs, of others without, and of broken records."""
    folder = tmp_path_factory.mktemp("audit")
    lay_down(folder)
    for name in ("store", "emptystore", "nothing", "trunc"):
        (folder / name).mkdir()
    for name in (".", "store", "emptystore"):
        shutil.copy(_migrated, folder / name / "mlflow.db")
    (folder / "trunc" / "mlflow.db").write_bytes(_migrated.read_bytes()[:50_000])
    for name, text in RECORDS.items():
        (folder / "records" / name).mkdir(parents=True)
        (folder / "records" / name / "record.json").write_text(text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "store")
        assert invoke(*SWEEP) == 0
    return folder


@pytest.fixture(scope="session")
def tried() -> dict[tuple[str, ...], str]:
    """Every input that was tried in this session, and the reason it was refused for (nothing if it runs).

    An input is what was typed, where, and what the tables that it names hold.
    """
    return {}


@pytest.fixture
def refusal(
    place: Path,
    tried: dict[tuple[str, ...], str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """Type a command in the folder; return the reason it was refused for, or nothing.

    Whatever happens, there is no traceback, the reason is one line that fits, and no run is left RUNNING.
    """

    def _refusal(*typed: str, folder: str = ".") -> str:
        monkeypatch.chdir(place / folder)
        held = [sha256(Path(word).read_bytes()).hexdigest() for word in typed if word == DRAWN]
        status = invoke(*typed)
        shown = "".join(capfd.readouterr())
        assert "Traceback" not in shown
        assert running(place / folder / "mlflow.db") == []
        tried[(folder, *typed, *held)] = ""
        if status == 0:
            return ""
        line = str(status)
        assert line.startswith("error: "), line
        assert "\n" not in line
        assert len(line) <= MAX_LENGTH
        assert not re.search(r"unexpected \w+(Error|Exception)", line), line
        tried[(folder, *typed, *held)] = reason = line.removeprefix("error: ")
        return reason

    return _refusal


def running(store: Path) -> list[str]:
    """Return the names of the runs that an MLflow database takes for running; none if it is no such database."""
    if not store.is_file():
        return []
    with closing(sqlite3.connect(store)) as connection:
        try:
            return [name for (name,) in connection.execute("select name from runs where status = 'RUNNING'")]
        except sqlite3.DatabaseError:
            return []
