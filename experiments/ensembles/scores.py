"""Average precision of one side's ensembles on folds that are given.

``python scores.py ours|theirs FOLDS.npz SEEDS MEMBERS`` prints a JSON line for each set, ensemble and seed: the mean
over the folds. It runs in this package's environment, and in one with imbalanced-ensemble, which wants an older
scikit-learn.
"""

import json
import sys
import warnings

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.tree import DecisionTreeClassifier

warnings.simplefilter("ignore")


def ours(members: int, seed: int) -> dict:
    """Return this package's ensembles over decision trees."""
    from imblearn.ensemble import BalancedBaggingClassifier

    from imbalance_lab.models.balancing import BalanceCascadeClassifier, SelfPacedEnsembleClassifier

    tree = DecisionTreeClassifier()
    return {
        "self_paced": SelfPacedEnsembleClassifier(tree, members, random_state=seed),
        "balance_cascade": BalanceCascadeClassifier(tree, members, random_state=seed),
        "under_bagging": BalancedBaggingClassifier(tree, members, bootstrap=False, random_state=seed),
    }


def theirs(members: int, seed: int) -> dict:
    """Return imbalanced-ensemble's: with or without replacement as ours, all rows to draw from for each member."""
    from imbens.ensemble import BalanceCascadeClassifier, SelfPacedEnsembleClassifier, UnderBaggingClassifier

    tree = DecisionTreeClassifier()
    return {
        "self_paced": SelfPacedEnsembleClassifier(tree, members, random_state=seed),
        "balance_cascade": BalanceCascadeClassifier(tree, members, replacement=False, random_state=seed),
        "under_bagging": UnderBaggingClassifier(tree, members, bootstrap=False, random_state=seed),
    }


def main(side: str, file: str, seeds: int, members: int) -> None:
    """Print the scores of one side."""
    folds = np.load(file)
    for name in sorted({key.split("/")[0] for key in folds}):
        X, y, fold = (folds[f"{name}/{part}"] for part in ("X", "y", "fold"))
        for seed in range(seeds):
            values = {}
            for k in range(fold.max() + 1):
                for model, classifier in {"ours": ours, "theirs": theirs}[side](members, seed).items():
                    fitted = classifier.fit(X[fold != k], y[fold != k])
                    score = fitted.predict_proba(X[fold == k])[:, 1]
                    values.setdefault(model, []).append(average_precision_score(y[fold == k], score))
            for model, each in values.items():
                line = {"set": name, "model": model, "seed": seed, "average_precision": float(np.mean(each))}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
