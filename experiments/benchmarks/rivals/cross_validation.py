"""imbalanced-learn's ``Pipeline`` in scikit-learn's ``cross_validate``, and nothing logged.

``python cross_validation.py A.csv B.csv ...``: every set with every strategy and model, 5 folds; prints the mean
balanced accuracy of each.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

SAMPLERS = {"ros": [RandomOverSampler(random_state=0)], "smote": [SMOTE(random_state=0)]}
MODELS = {
    "logreg": lambda weight: LogisticRegression(max_iter=1000, class_weight=weight),
    "decision_tree": lambda weight: DecisionTreeClassifier(class_weight=weight, random_state=0),
}
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=1, random_state=0)

for file in sys.argv[1:]:
    table = pd.read_csv(file)
    y = table.pop("label")
    for strategy in ("none", "inv_freq", "ros", "smote"):
        for name, make in MODELS.items():
            model = make("balanced" if strategy == "inv_freq" else None)
            steps = [SimpleImputer(strategy="median"), StandardScaler(), *SAMPLERS.get(strategy, []), model]
            scores = cross_validate(make_pipeline(*steps), table, y, cv=folds, scoring="balanced_accuracy")
            score = scores["test_score"].mean()
            print(json.dumps({"run": f"{strategy} {name} {Path(file).stem}", "balanced_accuracy": score}))
