"""A scikit-learn fit and nothing else.

``python sklearn_fit.py data.csv MODEL STRATEGIES SEEDS``, lists with commas, prints the (CPU) seconds that ``fit``
took in each run, and what it reaches on the test rows.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

SAMPLERS = {"ros": RandomOverSampler, "smote": SMOTE}
POWERS = {"inv_freq": 1.0, "sqrt_inv": 0.5}
MODELS = {
    "logreg": lambda seed: LogisticRegression(max_iter=1000, random_state=seed),
    "gradient_boosting": lambda seed: GradientBoostingClassifier(random_state=seed),
}

path, model, strategies, seeds = sys.argv[1:]
table = pd.read_csv(path)
for strategy in strategies.split(","):
    for seed in map(int, seeds.split(",")):
        train, test = (table[table[f"part_{seed}"] == part] for part in ("train", "test"))
        X, y = train.filter(like="x").to_numpy(), train["label"].to_numpy()
        counts = train["label"].value_counts()
        weights = (counts / len(train)) ** -POWERS.get(strategy, 0.0)
        weights /= (weights * counts).sum() / len(train)  # a row weighs 1 on average
        weighted = {} if np.ptp(weights) == 0 else {"sample_weight": weights[y].to_numpy()}

        started = time.perf_counter(), time.process_time()
        steps = [StandardScaler(), *([SAMPLERS[strategy](random_state=seed)] if strategy in SAMPLERS else [])]
        classifier = MODELS[model](seed)
        pipeline = make_pipeline(*steps, classifier)
        pipeline.fit(X, y, **{f"{type(classifier).__name__.lower()}__{key}": w for key, w in weighted.items()})
        seconds, cpu = time.perf_counter() - started[0], time.process_time() - started[1]

        score = balanced_accuracy_score(test["label"], pipeline.predict(test.filter(like="x").to_numpy()))
        line = {"run": f"{strategy} {seed}", "seconds": seconds, "cpu_seconds": cpu, "balanced_accuracy": score}
        print(json.dumps(line))
