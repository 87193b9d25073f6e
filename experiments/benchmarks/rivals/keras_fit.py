"""Keras' ``fit(class_weight=)`` alone, several fits in one process.

``python keras_fit.py rows.npz EPOCHS BATCH SEED...`` prints the (CPU) seconds of each fit, model and
compilation included, and what it reaches on the test rows.
"""

import json
import sys
import time

import keras
import numpy as np
from sklearn.metrics import balanced_accuracy_score

rows = np.load(sys.argv[1])
epochs, batch_size, *seeds = map(int, sys.argv[2:])
X, y = rows["X_train"], rows["y_train"]
weights = len(y) / (np.bincount(y).size * np.bincount(y))  # "balanced"

for seed in seeds:
    keras.utils.set_random_seed(seed)
    started = time.perf_counter(), time.process_time()
    layers = [keras.layers.Dense(units, activation="relu") for units in (64, 32)]
    model = keras.Sequential([keras.Input((X.shape[1],)), *layers, keras.layers.Dense(len(weights), "softmax")])
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    model.fit(
        X,
        y,
        batch_size=batch_size,
        epochs=epochs,
        class_weight=dict(enumerate(weights)),
        validation_data=(rows["X_validation"], rows["y_validation"]),
        verbose=0,
    )
    seconds, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    called = model.predict(rows["X_test"], batch_size=8192, verbose=0).argmax(axis=1)
    score = balanced_accuracy_score(rows["y_test"], called)
    line = {"run": f"seed {seed}", "seconds": seconds, "cpu_seconds": cpu, "balanced_accuracy": score}
    print(json.dumps(line))
