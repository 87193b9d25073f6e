"""What all learners that are Keras networks share: training, and the trained network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import pandas as pd
from scipy.special import log_softmax

import imbalance_lab.models.heads  # noqa: F401 (registers its layer with Keras, for networks that are unpickled)
from imbalance_lab import process
from imbalance_lab.data.rows import Rows, Seeds, TrainingSet, shares
from imbalance_lab.errors import ConfigError, DataError, reason_of
from imbalance_lab.evaluation.metrics import watchable
from imbalance_lab.models.base import FittedModel, Learner, NetworkTraining
from imbalance_lab.models.trainer import EpochModel, Scorer, Watch
from imbalance_lab.strategies.losses.base import Loss

FILE = "model.keras"
CACHED_GRAPHS = 8  # each holds the variables of one network and its optimizer, and no rows


class KerasLearner(Learner):
    """A network that is trained by the loss.

    Two classes have one output channel z, and the losses see the logits (0, z); each of several labels has such a
    channel; C classes have C channels.
    """

    trains_by_loss = True
    takes_class_weight = True
    balances_inside = False
    gives_probabilities = True
    dtype = np.float32

    @abstractmethod
    def build(
        self, shape: tuple[int, ...], prior: np.ndarray, seeds: Seeds, head_scale: float | None = None
    ) -> keras.Model:
        """Return an untrained network whose weights the seed decides.

        Parameters
        ----------
        shape : tuple of int
            Of one row.
        prior : ndarray of shape (T, C)
            Where the output starts.
        seeds : Seeds
        head_scale : float, optional
            With it the outputs are cosines between features and weights times this scale, without a bias.
        """

    def effective_prior(self, train: TrainingSet, loss: Loss | None = None) -> np.ndarray | None:
        """Return the class prior that softmax of its logits carries, shape (T, C), or None: the loss knows."""
        return None if loss is None else loss.effective_prior(train.prior, train.counts)

    def fit(
        self, train: TrainingSet, validation: Rows, seeds: Seeds, training: NetworkTraining | None = None
    ) -> FittedNetwork:
        """Train on `train`, watching `validation` after every epoch.

        Raises
        ------
        ConfigError
            If there is no `training`.
        """
        if training is None:
            raise ConfigError("a network is trained by a loss: fit needs training=NetworkTraining(loss, settings)")
        loss, settings = training.loss, training.settings
        at_first = train.prior if train.weight_start == 0 else shares(train.counts)
        # Where the loss adds something to the logits of its own, they start at what is left.
        start = loss.effective_prior(at_first, train.counts)
        prior = at_first if start is None else start
        build = partial(self.build, train.X.shape[1:], prior, seeds, loss.head_scale)
        net, model = build(), self._graph(build, train, training)
        model.load(net, settings.optimizer())
        watch = Watch(training.progress)
        callbacks = [watch, *(make() for make in settings.callbacks)]
        first_weighted_epoch = min(int(np.ceil(round(train.weight_start * settings.epochs, 9))), settings.epochs - 1)
        stopping: Any = None
        if settings.patience is not None:
            stopping = keras.callbacks.EarlyStopping(
                monitor="val_score",
                mode="max",
                patience=settings.patience,
                restore_best_weights=True,
                start_from_epoch=first_weighted_epoch,  # an epoch without the weights is not what was asked for
            )
            callbacks.append(stopping)
        metric = watchable(settings.metric) if isinstance(settings.metric, str) else settings.metric
        model.fit_epochs(train, validation, seeds.shuffling, settings.epochs, first_weighted_epoch, callbacks, metric)
        model.unload(net)
        history = pd.DataFrame(watch.epochs)
        restored = stopping is not None and stopping.best_weights is not None
        kept = stopping.best_epoch if restored else len(history) - 1
        history["kept"] = [int(epoch == kept) for epoch in history.index]
        return FittedNetwork(net, model.scorer, history)

    def _graph(self, build: Callable[[], keras.Model], train: TrainingSet, training: NetworkTraining) -> EpochModel:
        """Return the graph of these settings: one that was traced before, if nothing but `load` can change it."""
        settings, loss = training.settings, training.loss
        batch, tasks_and_classes = settings.batch_size, train.class_weight.shape

        def make() -> EpochModel:
            return EpochModel(build(), loss, settings.optimizer(), batch, *tasks_and_classes)

        if settings.callbacks:  # which may freeze a layer
            return make()
        key = (self, train.X.shape[1:], tasks_and_classes, loss, batch, _traced_by(settings.optimizer))
        return process.cached("graphs", CACHED_GRAPHS, key, make)


def _traced_by(optimizer: Any) -> Any:
    """Return what a graph is traced by: a learning rate that is a number is a variable, which `load` brings in."""
    if not isinstance(optimizer, partial):
        return optimizer
    is_number = isinstance(optimizer.keywords.get("learning_rate"), int | float)
    kept = {key: value for key, value in optimizer.keywords.items() if key != "learning_rate" or not is_number}
    return optimizer.func, optimizer.args, kept, is_number


@dataclass(frozen=True)
class FittedNetwork(FittedModel):
    """A trained network.

    It is pickled as the bytes of ``model.keras``, so that layers of one's own must be registered with Keras
    (`keras.saving.register_keras_serializable`) to be pickled, copied or saved.

    Parameters
    ----------
    net : keras.Model
        With the run's own variables.
    scorer : Scorer
        Traced for networks of this shape.
    history : DataFrame
        ``train/loss``, ``val/loss``, ``val/balanced_accuracy``, ``val/recall/<number of the class>``,
        ``val/predicted_count/<number of the class>`` (rows it was predicted for) of each epoch; ``kept`` is 1 for the
        one whose weights the network has.
    """

    net: keras.Model
    scorer: Scorer
    history: pd.DataFrame | None = None

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), float64."""
        return np.asarray(log_softmax(self.scorer(self.net, X).astype(np.float64), axis=-1))

    def save(self, folder: Path) -> None:
        """Write ``model.keras``; a two-class network gives the one logit z of the positive class."""
        self.net.save(folder / FILE)

    @classmethod
    def load(cls, folder: Path, tasks: int, classes: int, trusted: Sequence[str] = ()) -> FittedNetwork:
        """Return the network in ``model.keras``; layers of one's own must be registered with Keras.

        Raises
        ------
        DataError
            If Keras cannot load it, or would have to run code that the file brings along.
        """
        file = folder / FILE
        try:
            net = keras.models.load_model(file, compile=False, safe_mode=True)
        except (ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, BadZipFile) as error:
            raise DataError(
                f"{file} cannot be loaded by Keras ({reason_of(error)}); a layer of your own is known once the module "
                "that registers it (keras.saving.register_keras_serializable) is imported"
            ) from error
        return cls(net, Scorer(net, tasks, classes))

    def __getstate__(self) -> dict[str, Any]:
        """Return the network, which Keras pickles as the bytes of ``model.keras``, without the graph."""
        return {
            "net": self.net,
            "tasks": self.scorer.tasks,
            "classes": self.scorer.classes,
            "history": self.history,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        made = {
            "net": state["net"],
            "scorer": Scorer(state["net"], state["tasks"], state["classes"]),
            "history": state["history"],
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)
