"""What a folder of a recommendation says of it, so that a later call goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imbalance_lab.errors import ConfigError

FILE = "recommendation.json"


def opened(folder: Path, data: str, data_hash: str) -> dict[str, Any]:
    """Return what the folder says of an earlier call on the same data; nothing of a new one, which is made.

    Raises
    ------
    ConfigError
        If it holds something else, or a recommendation for other data.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"out={folder} is a file; name a folder")
    if not (folder / FILE).is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(f"out={folder} holds other files and no {FILE}; name a new folder, or one of recommend")
        write(folder, {"data": data, "data_hash": data_hash})
        return {}
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        known = found["data_hash"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder / FILE} is damaged; delete it, or name another folder by out=") from error
    if known != data_hash:
        raise ConfigError(f"out={folder} is for other data ({found.get('data')}, or as it was); name another folder")
    return dict(found)


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write it in one piece."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{FILE}"
    temporary.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    os.replace(temporary, folder / FILE)
