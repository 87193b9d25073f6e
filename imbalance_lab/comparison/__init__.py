"""Which strategy is better, by how much, and how sure one can be: pure functions on a table of runs."""

from imbalance_lab.comparison.compare import Compared, Comparison, compare
from imbalance_lab.comparison.settings import Settings

__all__ = ["Compared", "Comparison", "Settings", "compare"]
