"""Artifacts in a folder, through a server that passes them on, and in S3: they arrive, and can be read back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from experiments.server.team import Served, mlflow_server
from imbalance_lab.runs.files import read_outcome
from imbalance_lab.tracking.artifacts import without_progress_bars
from tests.conftest import invoke
from tests.server.conftest import TYPED

SECRET_KEY = "geheimer-schluessel"
WRITTEN = {"record.json", "config.yaml", "classes.csv", "predictions.npz"}
SWEEP = ("-m", *TYPED, "seed=0,1")


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Variables by which S3 is reached, and a bucket called ``lab-runs``."""
    server = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[s3]'")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    variables = {
        "MLFLOW_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    create_bucket(variables, "lab-runs")
    yield variables
    running.stop()


def create_bucket(variables: dict[str, str], name: str) -> None:
    import boto3

    client = boto3.client(
        "s3", endpoint_url=variables["MLFLOW_S3_ENDPOINT_URL"], region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key=SECRET_KEY,
    )  # fmt: skip
    client.create_bucket(Bucket=name)


@pytest.fixture(scope="module")
def server_on_s3(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    store = f"sqlite:///{folder}/mlflow.db"
    with mlflow_server(store, folder, processes=1, artifacts="s3://lab-runs/team", environment=s3) as running:
        yield running.address


@pytest.fixture
def reachable(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def place(request: pytest.FixtureRequest, store: Path) -> tuple[str, list[str], str]:
    """The address of a store, what is typed besides, and where the artifacts lie."""
    local = f"sqlite:///{store}"
    if request.param == "s3":
        request.getfixturevalue("reachable")
        return local, ["tracking.artifacts=s3://lab-runs/own/"], "s3://lab-runs/own/synthetic/"
    if request.param == "a server":
        served: Served = request.getfixturevalue("served")
        return served.address, [], "mlflow-artifacts:/"
    if request.param == "a server on s3":
        return request.getfixturevalue("server_on_s3"), [], "mlflow-artifacts:/"
    return local, [], store.parent.as_uri()


@pytest.mark.parametrize(
    "place",
    [
        "a folder",
        "s3",
        pytest.param("a server", marks=pytest.mark.slow),
        pytest.param("a server on s3", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_artifacts_arrive_and_can_be_read_back(
    place: tuple[str, list[str], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    uri, typed, where = place
    assert invoke(*TYPED, *typed, f"tracking.uri={uri}") == 0
    assert invoke(*SWEEP, *typed, f"tracking.uri={uri}", "strategy=inv_freq") == 0
    shown = capfd.readouterr()
    assert shown.err == "" and SECRET_KEY not in shown.out
    client = MlflowClient(uri)
    (experiment,) = (one for one in client.search_experiments() if one.name == "synthetic")
    runs = client.search_runs([experiment.experiment_id])
    assert all(run.info.artifact_uri.startswith(where) for run in runs)
    (parent,) = (run for run in runs if run.data.tags.get("sweep_parent"))
    assert "comparison.html" in {file.path for file in client.list_artifacts(parent.info.run_id)}
    records = {file.read_bytes() for file in tmp_path.rglob("record.json")}
    cells = [run.info.run_id for run in runs if run is not parent]
    assert len(cells) == len(records) == 3
    with without_progress_bars():
        found = {Path(client.download_artifacts(run, "record.json")).read_bytes() for run in cells}
    assert found == records
    assert all({file.path for file in client.list_artifacts(run)} >= WRITTEN for run in cells)
    assert invoke("figures", cells[0], f"uri={uri}") == 0  # reads the record there, and adds to it
    assert any(file.path.endswith("figures") for file in client.list_artifacts(cells[0]))
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file for file in written if SECRET_KEY.encode() in file.read_bytes()] == []


@pytest.mark.parametrize("typed", [SWEEP, tuple(TYPED)])
def test_a_bucket_that_does_not_exist_is_one_line_and_the_runs_can_be_sent(
    typed: tuple[str, ...], request: pytest.FixtureRequest, s3: dict[str, str], reachable: None, store: Path,
    tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    bucket = f"later-{len(typed)}"
    status = invoke(*typed, f"tracking.artifacts=s3://{bucket}/x")
    assert status != 0
    shown = capfd.readouterr()
    lines = [*shown.err.splitlines(), *([status] if isinstance(status, str) else [])]
    assert len(lines) == 1 + ("-m" in typed), lines  # and that the sweep has no report there
    assert all(f"S3: NoSuchBucket, {bucket}" in line for line in lines)
    assert "send it later with" in lines[0]
    client = MlflowClient(f"sqlite:///{store}")
    assert "RUNNING" not in statuses(client)
    create_bucket(s3, bucket)
    folder = lines[0].partition("imbalance_lab send ")[2]
    assert invoke("send", folder) == 0
    assert statuses(client).count("FINISHED") == len(list(tmp_path.rglob("record.json")))


def statuses(client: MlflowClient) -> list[str]:
    experiments = [one.experiment_id for one in client.search_experiments()]
    return [run.info.status for run in client.search_runs(experiments)]


@pytest.mark.parametrize("typed", [SWEEP, tuple(TYPED)])
def test_without_its_library_s3_is_refused_before_anything_is_trained(
    typed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    status = invoke(*typed, "tracking.artifacts=s3://lab-runs/x")
    needed = "tracking.artifacts=s3://lab-runs/x needs boto3; pip install 'imbalance-lab[s3]'"
    assert status == f"error: {needed}"
    assert capfd.readouterr().err == ""
    outcomes = [(read_outcome(file.parent) or {})["outcome"] for file in tmp_path.rglob("record.json")]
    assert outcomes == ([] if "-m" in typed else ["failed"])
