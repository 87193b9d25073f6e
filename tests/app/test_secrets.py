"""A password in the tracking address appears in no file, message or page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import TINY, invoke

TYPED = [*(text for text in TINY if text != "tracking=none"), "model=logreg"]


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.mark.parametrize("given", ["typed", "environment"])
@pytest.mark.parametrize("sweep", [True, False])
def test_a_password_is_written_and_printed_nowhere(
    given: str, sweep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address = "http://me:geheim@127.0.0.1:9"
    if given == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    typed = [*TYPED, *([f"tracking.uri={address}"] if given == "typed" else [])]
    status = invoke("-m", *typed, "seed=0,1") if sweep else invoke(*typed)
    (folder, *_) = (file.parent for file in tmp_path.rglob("record.json"))
    sent = invoke("send", str(folder), f"uri={address}")
    shown = capfd.readouterr()
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"record.json", "config.yaml"} | ({"multirun.yaml", "sweep.json"} if sweep else set()) <= {
        file.name for file in written
    }
    assert [file for file in written if b"geheim" in file.read_bytes()] == []
    assert "geheim" not in f"{shown.out} {shown.err} {status} {sent}"
    assert "127.0.0.1:9 could not take it" in f"{shown.err} {status}"
