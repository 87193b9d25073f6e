"""Which rows train, which validate and which test."""

from imbalance_lab.data.split.checks import checked_splits
from imbalance_lab.data.split.given import File
from imbalance_lab.data.split.grouped import (
    GroupCrossValidation,
    GroupHoldout,
    group_folds,
    group_numbers,
    share_out_alike,
)
from imbalance_lab.data.split.own import Custom, as_splitter
from imbalance_lab.data.split.stratified import CrossValidation, Holdout, combinations, share_out
from imbalance_lab.data.split.timed import TimeCrossValidation, TimeHoldout

__all__ = [
    "CrossValidation",
    "Custom",
    "File",
    "GroupCrossValidation",
    "GroupHoldout",
    "Holdout",
    "TimeCrossValidation",
    "TimeHoldout",
    "as_splitter",
    "checked_splits",
    "combinations",
    "group_folds",
    "group_numbers",
    "share_out",
    "share_out_alike",
]
