"""What one writes by hand: Hydra, Keras' ``fit(class_weight=)``, and MLflow logging every epoch and the end.

python by_hand.py -m strategy=none,inv_freq,sqrt_inv,ros,smote 'seed=range(10)'
"""

import hydra
import keras
import mlflow
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.preprocessing import LabelEncoder, StandardScaler

SAMPLERS = {"ros": RandomOverSampler, "smote": SMOTE}
POWERS = {"inv_freq": 1.0, "sqrt_inv": 0.5}


class LogEpoch(keras.callbacks.Callback):
    def __init__(self, X, y):
        super().__init__()
        self.X, self.y = X, y

    def on_epoch_end(self, epoch, logs):
        called = self.model(self.X).numpy().argmax(axis=1)
        metrics = {"train_loss": logs["loss"], "val_loss": logs["val_loss"]}
        mlflow.log_metrics(metrics | {"val_balanced_accuracy": balanced_accuracy_score(self.y, called)}, step=epoch)


@hydra.main(config_path=".", config_name="config", version_base=None)
def main(config):
    keras.utils.set_random_seed(config.seed)
    table = pd.read_csv(config.data)
    names = LabelEncoder().fit(table["label"])
    parts = dict(list(table.groupby(f"part_{config.seed}")))
    y = {part: names.transform(rows["label"]) for part, rows in parts.items()}
    scaler = StandardScaler().fit(parts["train"].filter(like="x"))
    X = {part: scaler.transform(rows.filter(like="x")).astype("float32") for part, rows in parts.items()}

    X_train, y_train = X["train"], y["train"]
    if config.strategy in SAMPLERS:
        X_train, y_train = SAMPLERS[config.strategy](random_state=config.seed).fit_resample(X_train, y_train)
    counts = np.bincount(y_train)
    weights = counts ** -POWERS.get(config.strategy, 0.0)
    weights *= len(y_train) / (weights @ counts)  # a row weighs 1 on average

    layers = [keras.layers.Dense(units, activation="relu") for units in (64, 32)]
    model = keras.Sequential([keras.Input((X_train.shape[1],)), *layers, keras.layers.Dense(len(counts), "softmax")])
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("by_hand")
    with mlflow.start_run():
        mlflow.log_params(dict(config))
        model.fit(
            X_train,
            y_train,
            batch_size=config.batch_size,
            epochs=config.epochs,
            class_weight=dict(enumerate(weights)),
            validation_data=(X["validation"], y["validation"]),
            callbacks=[LogEpoch(X["validation"], y["validation"])],
            verbose=0,
        )
        called = model.predict(X["test"], verbose=0).argmax(axis=1)
        recalls = recall_score(y["test"], called, average=None)
        mlflow.log_metrics({f"recall_{name}": recall for name, recall in zip(names.classes_, recalls, strict=True)})
        mlflow.log_metric("test_balanced_accuracy", balanced_accuracy_score(y["test"], called))


if __name__ == "__main__":
    main()
