"""Tuning inside a run: the settings of its options, chosen on training and validation rows of each fold."""

from imbalance_lab.runs.tuning.settings import NoTuning, Tuning

__all__ = ["NoTuning", "Tuning"]
