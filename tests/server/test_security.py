"""Passwords, tokens and certificates: runs, sweeps and comparisons work with them, and no secret is kept or shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from experiments.server.postgres import Cluster
from experiments.server.team import Served, mlflow_server
from imbalance_lab.runs.files import read_outcome
from tests.conftest import invoke
from tests.server.conftest import TYPED
from tests.server.proxy import basic, bearer, proxied

pytestmark = pytest.mark.slow
PASSWORD, TYPED_PASSWORD, TOKEN = "geheim@wort", "geheim%40wort", "sesam-offne-dich"
URI, CERTIFICATE, INSECURE = "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_INSECURE_TLS"


@pytest.fixture(scope="module")
def port(served: Served, certificate: tuple[Path, Path]) -> Iterator[int]:
    """Of the server behind TLS, for those who know the password or the token."""
    with proxied(served.address, [basic("lab", PASSWORD), bearer(TOKEN)], certificate) as found:
        yield found


@pytest.fixture
def way_in(
    request: pytest.FixtureRequest, port: int, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], list[str]]:
    """What is typed to reach the store, and the secrets in it."""
    monkeypatch.setenv(CERTIFICATE, str(certificate[0]))
    secured = f"https://lab:{TYPED_PASSWORD}@127.0.0.1:{port}"
    if request.param == "the password of a database":
        database: Cluster = request.getfixturevalue("database")
        return [f"tracking.uri={database.uri}"], [password_of(database)]
    if request.param == "a token":
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
        return [f"tracking.uri=https://127.0.0.1:{port}"], [TOKEN]
    if request.param == "a password in the environment":
        monkeypatch.setenv(URI, secured)
        return [], [PASSWORD, TYPED_PASSWORD]
    if request.param == "a certificate that is not looked at":
        monkeypatch.delenv(CERTIFICATE)
        monkeypatch.setenv(INSECURE, "true")
    return [f"tracking.uri={secured}"], [PASSWORD, TYPED_PASSWORD]


def password_of(database: Cluster) -> str:
    return database.uri.partition("mlflow:")[2].partition("@")[0]


WAYS = [
    "a password", "a password in the environment", "a token", "the password of a database",
    "a certificate that is not looked at",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # where no certificate is looked at
@pytest.mark.parametrize("way_in", WAYS, indirect=True)
def test_everything_works_and_no_secret_is_kept_or_shown(
    way_in: tuple[list[str], list[str]],
    request: pytest.FixtureRequest,
    open_folder: Path,
    database: Cluster,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    typed, secrets = way_in
    name = request.node.callspec.id
    command = [*TYPED, *typed, f"tracking.experiment={name}"]
    place = [word.replace("tracking.uri=", "uri=") for word in typed]
    assert invoke(*command) == 0
    assert invoke("-m", *command, "strategy=none,inv_freq", "seed=0,1", "resume=true") == 0
    assert invoke("compare", *place, f"experiment={name}") == 0
    assert invoke("compare", *place, f"experiment={name}", "format=html") == 0
    (folder,) = tmp_path.glob("multirun/*/*")
    assert invoke("send", str(folder), *place) == 0
    shown = capfd.readouterr()
    assert "3 finished, 1 already finished" in shown.out
    assert "4 runs of 2 strategies in 1 group" in (tmp_path / "comparison.html").read_text()
    noise = [line for line in shown.err.splitlines() if "certificate verification is strongly advised" not in line]
    assert noise == []
    assert_kept_nowhere(secrets, tmp_path, shown.out)
    client = MlflowClient(database.uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * 5  # with the sweep's
    assert_kept_nowhere(secrets, open_folder, str([run.to_dictionary() for run in runs]), str(experiment.tags))


def assert_kept_nowhere(secrets: list[str], folder: Path, *texts: str) -> None:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "password"]
    assert files
    for secret in secrets:
        assert [text for text in texts if secret in text] == []
        assert [file for file in files if secret.encode() in file.read_bytes()] == []


REFUSED = {
    "a wrong password": "403",
    "no password": "401",
    "a certificate of nobody": "certificate not trusted",
}

ADVICE = {
    "a wrong password": "MLFLOW_TRACKING_PASSWORD",
    "no password": "MLFLOW_TRACKING_PASSWORD",
    "a certificate of nobody": "MLFLOW_TRACKING_SERVER_CERT_PATH",
}


@pytest.mark.parametrize("sweep", [["-m", "seed=0,1"], []])
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_one_line_and_the_runs_can_be_sent(
    what: str, sweep: list[str], port: int, certificate: tuple[Path, Path], served: Served,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if what != "a certificate of nobody":
        monkeypatch.setenv(CERTIFICATE, str(certificate[0]))
    user = {"a wrong password": "lab:falsch-falsch@", "a certificate of nobody": f"lab:{TYPED_PASSWORD}@"}.get(what, "")
    name = f"{what} {len(sweep)}"
    status = invoke(*sweep, *TYPED, f"tracking.uri=https://{user}127.0.0.1:{port}", f"tracking.experiment={name}")
    assert status != 0
    found = [file.parent for file in tmp_path.rglob("record.json")]
    shown = capfd.readouterr()
    lines = [*shown.err.splitlines(), *([status] if isinstance(status, str) else [])]
    about = [line for line in lines if "could not take it" in line]
    assert len(about) == 1 and len(lines) <= 2, lines  # and that the sweep has no parent run
    assert REFUSED[what] in about[0]
    assert ADVICE[what] in str((read_outcome(found[0]) or {})["untracked"])
    assert "falsch-falsch" not in str(lines) and PASSWORD not in str(lines) and TYPED_PASSWORD not in str(lines)
    assert {(read_outcome(one) or {})["outcome"] for one in found} == {"finished"}
    folder = about[0].partition("imbalance_lab send ")[2]
    assert invoke("send", folder, f"uri={served.address}") == 0
    client = MlflowClient(served.address)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * len(found)


def test_mlflow_asks_for_passwords_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("flask_wtf", reason="MLflow's own passwords need another package: pip install 'mlflow[auth]'")
    folder, secret = tmp_path / "server", "geheim-geheim"
    settings = tmp_path / "auth.ini"
    shipped = Path(__file__).resolve().parents[2] / "experiments" / "server" / "auth.ini"
    settings.write_text(shipped.read_text().replace("/srv/mlflow", str(folder)))
    variables = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": secret,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "signs forms",
    }
    store, options = f"sqlite:///{folder}/mlflow.db", ("--app-name", "basic-auth")
    with mlflow_server(store, folder, processes=1, options=options, environment=variables) as running:
        place = running.address.removeprefix("http://")
        assert invoke("-m", *TYPED, "seed=0,1", f"tracking.uri=http://admin:{secret}@{place}") == 0
        assert invoke("compare", f"uri=http://admin:{secret}@{place}") == 0
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secret)
        assert invoke(*TYPED, "seed=2", f"tracking.uri={running.address}") == 0
    shown = capfd.readouterr()
    assert shown.err == ""
    assert_kept_nowhere([secret], tmp_path, shown.out)
