from __future__ import annotations

import numpy as np
import pytest

from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.sources.bundled import Bundled


def test_without_a_tail_a_set_is_whole() -> None:
    data = Bundled("breast_cancer").load()
    assert (data.name, len(data.y), data.class_names) == ("breast_cancer", 569, ("benign", "malignant"))
    assert data.counts.tolist() == [357, 212]


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer"])
@pytest.mark.parametrize("profile", ["exponential", "step"])
def test_a_tail_has_the_ratio_asked_for_and_only_rows_of_the_set(name: str, profile: str) -> None:
    whole, thin = Bundled(name).load(), Bundled(name, imbalance_ratio=10, profile=profile).load()
    assert thin.name == f"{name}_lt"
    assert thin.counts.max() / thin.counts.min() == pytest.approx(10, rel=0.15)
    known = {row.tobytes() for row in whole.X.to_numpy()}
    assert {row.tobytes() for row in thin.X.to_numpy()} <= known


def test_the_seed_chooses_the_rows() -> None:
    first, again, other = (Bundled("wine", 5, seed=seed).load().content_hash for seed in (0, 0, 1))
    assert first == again != other


def test_rare_classes_can_be_left_out() -> None:
    data = Bundled("wine", 5).load()
    kept: Dataset = data.without_rare_classes(20)
    assert kept.class_names == tuple(n for n, c in zip(data.class_names, data.counts, strict=True) if c >= 20)
    assert kept.counts.tolist() == [c for c in data.counts if c >= 20]
    rows = np.isin(data.y, np.flatnonzero(data.counts >= 20))
    np.testing.assert_array_equal(kept.X.to_numpy(), data.X[rows].to_numpy())
