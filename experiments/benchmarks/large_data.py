"""The table of `experiments.benchmarks.large`, written in pieces: ``python -m experiments.benchmarks.large_data``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from experiments.benchmarks.large import AT_ONCE, KINDS, NUMBERS, PLACES, POSITIVE, SHIFT


def rows(count: int, seed: int) -> pa.Table:
    """Return rows of two normal classes, their means `SHIFT` deviations apart, and text that says nothing of them."""
    rng = np.random.default_rng([seed, count])
    y = rng.random(count) < POSITIVE
    shift = np.float32(SHIFT / np.sqrt(NUMBERS))
    columns = {f"x{k}": rng.standard_normal(count, np.float32) + shift * y for k in range(NUMBERS)}
    for name, levels in (("place", PLACES), ("kind", KINDS)):
        codes = pa.array(rng.integers(0, len(levels), count).astype(np.int8))
        columns[name] = pa.DictionaryArray.from_arrays(codes, pa.array(levels))
    label = pa.DictionaryArray.from_arrays(pa.array(y.astype(np.int8)), pa.array(["no", "yes"]))
    return pa.table({**columns, "label": label})


def write(file: Path, count: int) -> None:
    """Write `count` rows in pieces; the file is there when it is whole."""
    draft = file.with_suffix(".draft")
    with pyarrow.parquet.ParquetWriter(draft, rows(1, 0).schema, compression="none") as writer:
        for seed, start in enumerate(range(0, count, AT_ONCE)):
            writer.write_table(rows(min(AT_ONCE, count - start), seed))
    draft.rename(file)


if __name__ == "__main__":
    if sys.argv[1] == "--lay":
        from experiments.benchmarks.data import load

        load(*sys.argv[2:])
    else:
        write(Path(sys.argv[1]), int(sys.argv[2]))
