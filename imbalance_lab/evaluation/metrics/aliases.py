"""What metrics are called elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection
from types import MappingProxyType

from imbalance_lab.options import nearest

# As in scikit-learn, imbalanced-learn, Keras, XGBoost and papers, in small letters without what stands between words.
_NAMES = {
    "average_precision": "ap aps auprc aucpr prauc aucprc averageprecisionscore",
    "roc_auc": "auc auroc aucroc rocauc rocaucscore areaunderroc cstatistic",
    "balanced_accuracy": "bacc bac balacc balancedacc balancedaccuracyscore balancedaccuracyrate uar macrorecall",
    "accuracy": "acc accuracyscore",
    "g_mean": "gmean geometricmean geometricmeanscore gmeans",
    "macro_f1": "f1 f1score f1macro macrof1score fscore fmeasure",
    "mcc": "matthews matthewscorrcoef matthewscorrelation phi",
    "kappa": "cohenkappa cohenskappa cohenkappascore",
    "log_loss": "logloss nll crossentropy neglogloss mlogloss",
    "brier": "brierscore brierscoreloss",
    "ece": "calibrationerror expectedcalibrationerror",
    "worst_class_recall": "worstrecall minrecall minimumrecall worstclassaccuracy",
    "expected_cost": "cost meancost totalcost",
    "recall": "sensitivity tpr truepositiverate hitrate",
    "precision": "ppv positivepredictivevalue",
}
ALIASES = MappingProxyType({alias: name for name, aliases in _NAMES.items() for alias in aliases.split()})
BY_CLASS = ("recall", "precision", "f1", "support")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return ``; did you mean ...?`` with the known metric that has another name elsewhere, or the nearest; or nothing.

    Parameters
    ----------
    name : str
        As typed.
    known : collection of str

    Examples
    --------
    >>> did_you_mean("auprc", ["average_precision", "roc_auc"])
    '; did you mean average_precision?'
    >>> did_you_mean("PR-AUC/rare", ["average_precision/rare", "roc_auc/rare"])
    '; did you mean average_precision/rare?'
    >>> did_you_mean("sensitivity", ["recall/a", "recall/b"])
    '; did you mean recall/a?'
    """
    head, slash, of = name.partition("/")
    meant = ALIASES.get(re.sub(r"[\W_]", "", head.lower()), head)
    if f"{meant}{slash}{of}" in known and meant != head:
        return f"; did you mean {meant}{slash}{of}?"
    of_classes = [key for key in known if meant in BY_CLASS and not of and key.startswith(f"{meant}/")]
    return f"; did you mean {of_classes[0]}?" if of_classes else nearest(name, known)
