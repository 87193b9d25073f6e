"""Training rows made worse on purpose: rarer classes, wrong labels, missing or noisy cells, fewer rows."""

from imbalance_lab.data.stress.base import PARTS, NoStress, Stress, Stressed, class_rows, content_of
from imbalance_lab.data.stress.cells import FeatureNoise, Missing
from imbalance_lab.data.stress.labels import LabelNoise
from imbalance_lab.data.stress.thinning import FewerRows, Imbalance

__all__ = [
    "PARTS",
    "FeatureNoise",
    "FewerRows",
    "Imbalance",
    "LabelNoise",
    "Missing",
    "NoStress",
    "Stress",
    "Stressed",
    "class_rows",
    "content_of",
]
