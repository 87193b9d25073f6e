"""A table larger than memory: its rows lie on disk as numbers of 32 bits."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from filelock import FileLock
from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from imbalance_lab.data.base import DatasetSource, Needs
from imbalance_lab.data.dataset import Dataset, Kind
from imbalance_lab.data.sources.files import ENDINGS, MISSING, Names
from imbalance_lab.data.sources.laying import META, ROWS, TARGET, lay
from imbalance_lab.data.sources.pieces import Reading
from imbalance_lab.data.stored import AsTable, StoredArray, StoredRows
from imbalance_lab.errors import ConfigError, DataError, reason_of
from imbalance_lab.fields import MAX_TITLE, STRICT, Positive

LAYOUT = 1  # of the files in the cache
NOT_CONTENT = {"in_memory", "cache", "title"}


@dataclass(frozen=True, config=ConfigDict(**STRICT, coerce_numbers_to_str=True))
class OnDisk(DatasetSource):
    """Columns of a file that need not fit into memory, one of them the target.

    The file is read once, in pieces, into a folder of the cache: numbers as floats of 32 bits (seven digits), text as
    codes, and there every run of the same file, unchanged, finds them. Memory holds the classes and the numbers of the
    rows of each part of the split.

    Parameters
    ----------
    path : str
        ``.parquet``, ``.pq``, or ``.csv``, ``.tsv``, ``.txt`` and any other text, which may be compressed.
    target : str
        The column to predict.
    drop : str or list of str
        Columns to leave out; those of dates must be.
    categorical : str or list of str
        Columns that are categories although they look like numbers.
    separator : str, optional
        Between the columns of a text file; by default whichever of comma, tab, semicolon and ``|`` fits.
    decimal : str
        The decimal mark of a text file.
    encoding : str
        Of a text file.
    missing : list of str
        What stands for a missing value in a text file, besides nothing at all.
    in_memory : int
        MB that rows may take where a sampler or a model needs them in memory.
    cache : str
        The folder.
    title : str, optional
        The dataset's name; by default the file's.

    Raises
    ------
    DataError
        If the file is missing, empty or no table; if a column is not there, holds dates, or numbers in one part and
        text in another; if the target is missing in some rows or has one value only; if the disk is full.
    """

    path: str
    target: Annotated[str, Field(min_length=1)]
    drop: Names = Field(default_factory=list)
    categorical: Names = Field(default_factory=list)
    separator: str | None = None
    decimal: str = Field(default=".", min_length=1, max_length=1)
    encoding: str = "utf-8"
    missing: Names = Field(default_factory=lambda: list(MISSING))
    in_memory: Positive = 2048
    cache: str = "outputs/.tables"
    title: str = Field(default="", validate_default=True, max_length=MAX_TITLE)

    @field_validator("title", mode="before")
    @classmethod
    def _title(cls, title: str | None, info: ValidationInfo) -> str:
        return title or re.sub(ENDINGS, "", Path(info.data.get("path", "")).name) or "table"

    def load(self) -> Dataset:
        """Lay the rows, unless that is done, and open them."""
        file = Path(self.path).expanduser()
        if not file.is_file():
            raise DataError(f"there is no file {file}")
        cache = Path(self.cache).expanduser()
        folder = cache / f"{self.title}-{self._key(file)}"
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{folder}.lock"):
                if not (folder / META).is_file():
                    self._lay(file, folder)
        except OSError as error:
            raise DataError(
                f"{self.title} cannot be laid into {cache}: {reason_of(error)}; dataset.cache= names another folder"
            ) from error
        return self._opened(folder)

    def load_for(self, needs: Needs) -> Dataset:
        """Lay the rows and open them; a split that goes by columns needs them in memory.

        Raises
        ------
        ConfigError
            If the split goes by a column, or reads its test rows from a file.
        """
        if needs.columns or needs.test_path is not None:
            what = f"the column '{needs.columns[0]}'" if needs.columns else "a file of its own"
            raise ConfigError(
                f"a split by {what} needs the table in memory: dataset=csv, which reads Parquet too; dataset=on_disk "
                "goes with split=holdout and split=cv"
            )
        return self.load()

    def _key(self, file: Path) -> str:
        """Return what tells this file, read this way, from others."""
        known = file.stat()
        settings = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in NOT_CONTENT}
        told = [LAYOUT, str(file.resolve()), known.st_size, known.st_mtime_ns, settings | {"path": None}]
        return hashlib.blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()

    def _lay(self, file: Path, folder: Path) -> None:
        """Lay the rows into a draft of the folder, which is in place only when it is whole."""
        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        reading = Reading(self.separator, self.decimal, self.encoding, self.missing)
        try:
            lay(file, draft, self.target, self.drop, self.categorical, reading, self.title)
            draft.replace(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _opened(self, folder: Path) -> Dataset:
        try:
            meta: dict[str, Any] = json.loads((folder / META).read_text(encoding="utf-8"))
            codes = np.fromfile(folder / TARGET, np.int32)
            levels = {name: None if known is None else tuple(known) for name, known in meta["columns"].items()}
            shape = len(codes), len(levels)
            if (folder / ROWS).stat().st_size != 4 * shape[0] * shape[1]:
                raise ValueError("its size is not that of its rows")
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{folder} is damaged ({reason_of(error)}); delete it, and it is made anew") from error
        array = StoredArray(folder / ROWS, shape, meta["content"], self.in_memory)
        X = StoredRows(array, changes=(AsTable(levels),))
        kinds: dict[str, Kind] = {name: "numeric" if known is None else "categorical" for name, known in levels.items()}
        size = shape[0] * shape[1] * 4 / 2**20
        note = f"{shape[0]:,} rows are read from disk, as numbers of 32 bits ({size:,.0f} MB in {folder})"
        return Dataset.from_codes(self.title, X, codes, meta["classes"], kinds).noted([note])
