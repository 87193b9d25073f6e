"""How long connections to a server last."""

from __future__ import annotations

from email.message import Message
from pathlib import Path

import pytest
from mlflow.tracking.request_header.registry import resolve_request_headers

from imbalance_lab.tracking import connections, open_store
from tests.tracking.servers import answering


@pytest.fixture(autouse=True)
def _no_server_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_schemes", set())


def test_a_server_of_plain_http_may_close_each_connection() -> None:
    asked: list[Message] = []
    with answering(200, "{}", asked) as address:
        open_store(f"http://{address}")
    assert [headers["Connection"] for headers in asked] == ["close"]


@pytest.mark.parametrize("servers", [[], ["https://lab:secret@host"], ["http://host:5000", "https://host"]], ids=str)
def test_other_connections_stay_open(servers: list[str]) -> None:
    for server in servers:
        connections.note_server(server)
    assert "Connection" not in resolve_request_headers()


def test_databases_are_no_servers(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/mlflow.db")
    assert "Connection" not in resolve_request_headers()
