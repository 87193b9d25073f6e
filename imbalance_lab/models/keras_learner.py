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
from imbalance_lab.models.base import FittedModel, Learner, NetworkTraining
from imbalance_lab.models.scorer import Scorer
from imbalance_lab.models.second_stage import check_output_layer, second_stage
from imbalance_lab.models.trainer import EpochModel
from imbalance_lab.models.watch import Watch
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.representation.base import PLAIN

FILE = "model.keras"
CACHED_GRAPHS = 8  # each holds the variables of one network and its optimizer, and no rows


class KerasLearner(Learner):
    """A network that is trained by the loss.

    Two classes have one output channel z, and the losses see the logits (0, z); each of several labels has such a
    channel; C classes have C channels. On a normalised head, or where a representation treats the outputs of classes
    one by one, two classes have two.
    """

    trains_by_loss = True
    takes_class_weight = True
    balances_inside = False
    gives_probabilities = True
    in_pieces = True
    dtype = np.float32

    @abstractmethod
    def build(
        self,
        shape: tuple[int, ...],
        prior: np.ndarray,
        seeds: Seeds,
        head_scale: float | None = None,
        per_class: bool = False,
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
        per_class : bool
            Whether two classes have an output each; given where a representation needs it.
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
        Incompatible
            If the representation needs another output layer.
        """
        if training is None:
            raise ConfigError("a network is trained by a loss: fit needs training=NetworkTraining(loss, settings)")
        loss, settings, representation = training.loss, training.settings, training.representation
        at_first = train.prior if train.weight_start == 0 else shares(train.counts)
        shape, per_class = train.X.shape[1:], {"per_class": True} if representation.output_per_class else {}

        def untrained(prior: np.ndarray, counts: np.ndarray, seeds: Seeds) -> keras.Model:
            # Where the loss adds something to the logits of its own, they start at what is left.
            start = loss.effective_prior(prior, counts)
            return self.build(shape, prior if start is None else start, seeds, loss.head_scale, **per_class)

        build = partial(untrained, at_first, train.counts, seeds)
        graph = partial(self._graph, train, training)
        net, model = build(), graph(build, shape)
        if representation.needs_linear_head or representation.second_stage is not None:
            check_output_layer(net, representation.needs_linear_head)
        model.load(net, settings.optimizer())
        watch = Watch(training.progress)
        callbacks = [watch, *(make() for make in settings.callbacks)]
        first_weighted_epoch = settings.first_epoch(train.weight_start)
        first_loss_epoch = settings.first_epoch(loss.loss_start) if loss.needs_features else 0
        stopping: Any = None
        if settings.patience is not None:
            stopping = keras.callbacks.EarlyStopping(
                monitor="val_score",
                mode="max",
                patience=settings.patience,
                restore_best_weights=True,
                # An epoch without the weights, or without the loss, is not what was asked for.
                start_from_epoch=max(first_weighted_epoch, first_loss_epoch),
            )
            callbacks.append(stopping)
        metric = settings.watched
        model.fit_epochs(
            train,
            validation,
            seeds.shuffling,
            settings.epochs,
            first_weighted_epoch,
            callbacks,
            metric,
            first_loss_epoch,
            settings.device_memory,
        )
        model.unload(net)
        restored = stopping is not None and stopping.best_weights is not None
        kept = first_stage = stopping.best_epoch if restored else len(watch.epochs) - 1
        epochs = watch.epochs
        if representation.second_stage is not None:
            even = train.evened()
            fresh = untrained(even.prior, even.counts, seeds._replace(initialisation=seeds.initialisation ^ 1))
            parts = net, fresh, train, validation, seeds, training
            epochs = [*epochs, *second_stage(*parts, len(epochs), graph)]
            kept = len(epochs) - 1
        if representation.needs_linear_head:
            net.layers[-1].set_weights(representation.finished(net.layers[-1].get_weights()))
        history = pd.DataFrame(epochs)
        history["kept"] = [int(epoch == kept) for epoch in history.index]
        return FittedNetwork(net, model.scorer, history, first_stage + 1)

    def _graph(
        self,
        train: TrainingSet,
        training: NetworkTraining,
        build: Callable[[], keras.Model],
        shape: tuple[int, ...],
        stage: str = "",
    ) -> EpochModel:
        """Return the graph of these settings: one that was traced before, if nothing but `load` can change it."""
        settings, loss = training.settings, training.loss
        batch, (tasks, classes) = settings.batch_size, train.class_weight.shape
        representation = training.representation if training.representation.changes_steps and not stage else PLAIN

        def make() -> EpochModel:
            return EpochModel(build(), loss, settings.optimizer(), batch, tasks, classes, representation)

        if settings.callbacks:  # which may freeze a layer
            return make()
        outputs, made_by = training.representation.output_per_class, _traced_by(settings.optimizer)
        key = (self, shape, stage, tasks, classes, outputs, loss, representation, batch, made_by)
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
    first_stage : int, optional
        Epochs after which the network was kept, before a second stage.
    """

    net: keras.Model
    scorer: Scorer
    history: pd.DataFrame | None = None
    first_stage: int | None = None

    @property
    def steps(self) -> int | None:
        """Epochs after which it was kept, those of a second stage left out."""
        return self.first_stage

    def predict_log_proba(self, X: np.ndarray) -> np.ndarray:
        """Return log-probabilities, shape (n, T, C), float64."""
        return np.asarray(log_softmax(self.scorer(self.net, X).astype(np.float64), axis=-1))

    def save(self, folder: Path) -> None:
        """Write ``model.keras``; of two classes it gives the one logit z of the positive, on a normalised head both."""
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
            "first_stage": self.first_stage,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        made = {
            "net": state["net"],
            "scorer": Scorer(state["net"], state["tasks"], state["classes"]),
            "history": state["history"],
            "first_stage": state["first_stage"],
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)
