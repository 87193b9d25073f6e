"""Figures of a run, drawn without pyplot's global state."""

from imbalance_lab.evaluation.plots.canvas import FORMATS, save
from imbalance_lab.evaluation.plots.draw import Subject, draw

__all__ = ["FORMATS", "Subject", "draw", "save"]
