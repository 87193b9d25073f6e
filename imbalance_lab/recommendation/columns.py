"""Which columns of a table are features: identifiers are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.options import Option, make


def without(source: Dataset | Option, columns: Sequence[str]) -> Dataset | Option:
    """Return where rows come from without some of their columns; as it is where its option cannot leave them out.

    Parameters
    ----------
    source : Dataset or Option
        Rows, or an option of the group ``dataset``.
    columns : sequence of str

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"id": [7, 8, 9], "age": [31, 45, 28], "ill": [0, 1, 0]})
    >>> data = without(Dataset.from_frame(frame, target="ill"), ["id"])
    >>> list(data.kinds), list(data.aside)
    (['age'], ['id'])
    """
    if not columns:
        return source
    if isinstance(source, Dataset):
        kinds = {name: kind for name, kind in source.kinds.items() if name not in columns}
        aside = {**source.aside, **{name: source.X[name] for name in columns}}
        return replace(source, X=source.X.drop(columns=list(columns)), kinds=kinds, aside=aside)
    if source.made is not None or "drop" not in source.settings:
        return source
    before = source.settings["drop"]
    drop = [*([before] if isinstance(before, str) else before), *columns]
    return make(source.group, source.name, {**source.settings, "drop": drop})
