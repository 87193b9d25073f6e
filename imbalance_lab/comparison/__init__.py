"""Which strategy is better, by how much, and how sure one can be: pure functions on a table of runs."""

from imbalance_lab.comparison.compared import Compared
from imbalance_lab.comparison.settings import Settings
from imbalance_lab.comparison.verdict import Comparison, compare

__all__ = ["Compared", "Comparison", "Settings", "compare"]
