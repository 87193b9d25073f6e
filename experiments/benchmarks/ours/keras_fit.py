"""This project's networks alone, several fits in one process.

``python keras_fit.py rows.npz EPOCHS BATCH SEED...`` prints the (CPU) seconds of each fit, model and
compilation included, and what it reaches on the test rows.
"""

import json
import sys
import time

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from imbalance_lab import process
from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import compose
from imbalance_lab.data.rows import Rows, Seeds, TrainingSet

rows = np.load(sys.argv[1])
epochs, batch_size, *seeds = map(int, sys.argv[2:])
X, y = rows["X_train"], rows["y_train"]
counts = np.bincount(y).astype(float)
names = [str(k) for k in range(len(counts))]
settings = [f"training.epochs={epochs}", f"training.batch_size={batch_size}", "training.patience=null"]
config = compose(["strategy=inv_freq", "model.output_bias=zeros", *settings])
process.take_over()
options = job_of(config).identity.options
model, loss, training, weigh = (options[group].build() for group in ("model", "loss", "training", "class_weight"))
train = TrainingSet(X, y[:, None], counts[None], weigh(counts, names)[None])
validation = Rows(rows["X_validation"], rows["y_validation"][:, None])

for seed in seeds:
    started = time.perf_counter(), time.process_time()
    fitted = model.fit(train, validation, loss, training, Seeds.spawn(seed, 0), lambda epoch, metrics: None)
    seconds, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    predicted = fitted.predict_log_proba(rows["X_test"])[:, 0].argmax(axis=1)
    score = balanced_accuracy_score(rows["y_test"], predicted)
    line = {"run": f"seed {seed}", "seconds": seconds, "cpu_seconds": cpu, "balanced_accuracy": score}
    print(json.dumps(line))
