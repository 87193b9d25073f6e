"""What an interrupted call holds is let go, for those who clean up after it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from imbalance_lab.process import let_go


def test_the_lock_of_an_interrupted_read_is_let_go(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    writer = sqlite3.connect(file, timeout=0)
    with writer:
        writer.execute("create table numbers (n)")
        writer.executemany("insert into numbers values (?)", [(n,) for n in range(1000)])
    reader = sqlite3.connect(file)

    def read() -> None:
        rows = reader.execute("select n from numbers")
        next(rows)
        raise KeyboardInterrupt

    try:
        read()
    except KeyboardInterrupt as error:
        with pytest.raises(sqlite3.OperationalError, match="locked"), writer:
            writer.execute("insert into numbers values (0)")
        let_go(error)
        with writer:
            writer.execute("insert into numbers values (0)")
    reader.close()
    writer.close()
