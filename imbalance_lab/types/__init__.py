"""The data that flows through a run, the protocols of the slots, and the errors people see."""

from imbalance_lab.types.costs import Costs, balanced_costs, cost_matrix, known_classes
from imbalance_lab.types.dataset import Dataset, Kind
from imbalance_lab.types.errors import (
    AlreadyFinished,
    ConfigError,
    DataError,
    Incompatible,
    LabError,
    LabWarning,
    TrackingError,
)
from imbalance_lab.types.protocols import (
    ClassWeight,
    DatasetSource,
    Decision,
    FittedModel,
    Learner,
    Loss,
    Progress,
    Rule,
    Sampler,
    Splitter,
)
from imbalance_lab.types.record import FoldResult, Observer, RunRecord, Tracker
from imbalance_lab.types.run import Predictions, Priors, Rows, Seeds, Split, TrainingSet, shares
from imbalance_lab.types.settings import STRICT, Evaluation, OutputPrior, Positive, RunSettings, Seed, Share, Training

__all__ = [
    "STRICT",
    "AlreadyFinished",
    "ClassWeight",
    "ConfigError",
    "Costs",
    "DataError",
    "Dataset",
    "DatasetSource",
    "Decision",
    "Evaluation",
    "FittedModel",
    "FoldResult",
    "Incompatible",
    "Kind",
    "LabError",
    "LabWarning",
    "Learner",
    "Loss",
    "Observer",
    "OutputPrior",
    "Positive",
    "Predictions",
    "Priors",
    "Progress",
    "Rows",
    "Rule",
    "RunRecord",
    "RunSettings",
    "Sampler",
    "Seed",
    "Seeds",
    "Share",
    "Split",
    "Splitter",
    "Tracker",
    "TrackingError",
    "Training",
    "TrainingSet",
    "balanced_costs",
    "cost_matrix",
    "known_classes",
    "shares",
]
