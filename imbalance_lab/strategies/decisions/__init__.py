"""How do scores become a class?"""

from imbalance_lab.strategies.decisions.base import Decision
from imbalance_lab.strategies.decisions.closed import Argmax, LogitAdjust, MinCost
from imbalance_lab.strategies.decisions.prior import PriorCorrection
from imbalance_lab.strategies.decisions.thresholds import (
    Budget,
    FixedThreshold,
    MaxPrecisionAtRecall,
    MaxRecallAtPrecision,
)
from imbalance_lab.strategies.decisions.tuned import TunedThreshold

__all__ = [
    "Argmax",
    "Budget",
    "Decision",
    "FixedThreshold",
    "LogitAdjust",
    "MaxPrecisionAtRecall",
    "MaxRecallAtPrecision",
    "MinCost",
    "PriorCorrection",
    "TunedThreshold",
]
