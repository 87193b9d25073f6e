"""The objects of a run, and the pairs of options that exclude each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imbalance_lab import process
from imbalance_lab.data.base import Splitter
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepare
from imbalance_lab.data.rows import TrainingSet
from imbalance_lab.data.split import as_splitter
from imbalance_lab.data.stress import Stress
from imbalance_lab.errors import ConfigError, Incompatible
from imbalance_lab.evaluation.metrics import expected_cost
from imbalance_lab.evaluation.settings import Evaluation
from imbalance_lab.models.base import Learner
from imbalance_lab.models.own import as_learner
from imbalance_lab.models.training import Training
from imbalance_lab.options import SLOTS, Option
from imbalance_lab.runs.identity import Identity
from imbalance_lab.strategies import losses
from imbalance_lab.strategies.class_weights import ClassWeight
from imbalance_lab.strategies.costs import cost_matrix, shares_by_name
from imbalance_lab.strategies.decisions import Decision
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.representation.base import PLAIN, Representation
from imbalance_lab.strategies.samplers import Sampler


@dataclass(frozen=True)
class Plan:
    """Everything a run needs but its data.

    `loss` and `training` are None for models that have their own, and `representation` is the null option.

    Parameters
    ----------
    split : Splitter
    stress : Stress
    prepare : Prepare
    learner : Learner
    sampler : Sampler
    class_weight : ClassWeight
    decision : Decision
    evaluation : Evaluation
    loss : Loss or None
    training : Training or None
    representation : Representation
    seed : int
    """

    split: Splitter
    stress: Stress
    prepare: Prepare
    learner: Learner
    sampler: Sampler
    class_weight: ClassWeight
    decision: Decision
    evaluation: Evaluation
    loss: Loss | None
    training: Training | None
    representation: Representation
    seed: int

    @property
    def stops_early(self) -> bool:
        """Whether the model watches validation rows while it is trained."""
        return self.learner.stops_early(self.training)

    @property
    def sampler_balances_batches(self) -> bool:
        """Whether the sampler leaves the rows alone and shapes a network's batches instead."""
        return getattr(self.sampler, "balanced_batches", False)

    @property
    def epochs(self) -> int | None:
        """How many epochs a network is trained for at the most, those of a second stage included."""
        return None if self.training is None else self.training.epochs + self.representation.second_epochs

    def effective_prior(self, train: TrainingSet) -> np.ndarray | None:
        """Return the class prior that the model's scores carry, shape (T, C); None if they are no probabilities."""
        if self.loss is not None and self.representation != PLAIN:
            return self.representation.effective_prior(train, self.loss)
        return self.learner.effective_prior(train, self.loss)

    @property
    def needs_validation(self) -> bool:
        """Whether something is fitted on rows that are not trained on: the decision, or when to stop."""
        return self.decision.needs_validation or self.stops_early


def make_plan(identity: Identity, dataset: Dataset) -> Plan:
    """Make the objects of a run on `dataset`.

    TensorFlow is loaded only here and only for a network.

    Raises
    ------
    ConfigError
        If an option was given a value it cannot take.
    Incompatible
        If two options exclude each other.
    """
    options = identity.options
    with process.stderr_hidden():
        learner = as_learner(options["model"].build())
    _check_slots(identity, learner, dataset)
    groups = ["split", "stress", "prepare", "sampler", "class_weight", "decision"]
    groups += ["loss", "training", "representation"] if learner.trains_by_loss else []
    parts: dict[str, Any] = {"loss": None, "training": None, "representation": PLAIN}
    parts |= {group: options[group].build() for group in groups}
    parts["split"] = as_splitter(parts["split"])
    if parts["loss"] is not None:
        parts["loss"] = losses.as_loss(parts["loss"])
    # Settings by class name are shared by all labels, whose sides are called no and yes.
    names = ("no", "yes") if dataset.labels else dataset.class_names
    evaluation = _evaluation(identity, dataset, names)
    plan = Plan(learner=learner, seed=identity.seed, evaluation=evaluation, **parts)
    if not hasattr(plan.sampler, "fit_resample"):
        raise ConfigError(f"sampler is {type(plan.sampler).__name__}, which has no fit_resample")
    _check_labels(identity, dataset)
    _check_representation(plan, identity, dataset)
    _check_training(plan, identity)
    _check_prior(plan, identity)
    plan.class_weight.check(dataset.class_names, dataset.counts)
    loss = None if plan.loss is None else plan.loss.for_classes(names)
    decision = plan.decision.for_classes(names).with_metrics(plan.evaluation.metrics)
    training = None if plan.training is None else plan.training.with_metrics(plan.evaluation.metrics)
    return replace(plan, decision=decision, loss=loss, training=training)


def _evaluation(identity: Identity, dataset: Dataset, names: Sequence[str]) -> Evaluation:
    """Return what is computed, settings by class name looked up."""
    evaluation: Evaluation = Option("evaluation", "evaluation", identity.evaluation).build()
    if evaluation.test_prior is not None:
        if dataset.labels:
            raise Incompatible(
                f"evaluation.test_prior needs one class per row, and '{dataset.name}' has {len(dataset.labels)} "
                "labels; leave it out, or use one of the labels as the target"
            )
        prior = shares_by_name(evaluation.test_prior, names, "evaluation.test_prior")
        evaluation = replace(evaluation, test_prior=dict(zip(names, prior, strict=True)))
    if evaluation.costs is None:
        return evaluation
    metric = expected_cost(cost_matrix(evaluation.costs, names))
    return replace(evaluation, metrics=(*evaluation.metrics, metric))


def _check_slots(identity: Identity, learner: Learner, dataset: Dataset) -> None:
    names = identity.names
    filled = {slot: names[slot] for slot in SLOTS if not identity.options[slot].is_empty}
    model = names["model"]
    if "loss" in filled and not learner.trains_by_loss:
        raise Incompatible(
            f"loss={filled['loss']} cannot train model={model}, which has a loss of its own; "
            "use model=mlp or model=linear, or class weights instead: strategy=inv_freq"
        )
    if "representation" in filled and not learner.trains_by_loss:
        raise Incompatible(
            f"representation={filled['representation']} is a way to train a network and model={model} is none; "
            "use model=mlp or model=linear, or a strategy for any model: strategy=inv_freq"
        )
    if "class_weight" in filled and not learner.takes_class_weight:
        raise Incompatible(
            f"class_weight={filled['class_weight']} means nothing to model={model}, whose training takes no weights; "
            + ("use another model" if dataset.labels else "use a sampler instead: strategy=ros, or another model")
        )


def _check_labels(identity: Identity, dataset: Dataset) -> None:
    sampler = identity.names["sampler"]
    if dataset.labels and not identity.options["sampler"].is_empty:
        raise Incompatible(
            f"sampler={sampler} needs one class per row, and '{dataset.name}' has {len(dataset.labels)} "
            "labels; use class weights instead: strategy=inv_freq weights each label by its own rows (or, where "
            "the model takes no weights, decision=tuned_threshold)"
        )


def _check_representation(plan: Plan, identity: Identity, dataset: Dataset) -> None:
    if plan.loss is None:
        return
    chosen, loss = f"representation={identity.names['representation']}", f"loss={identity.names['loss']}"
    if dataset.labels and not plan.representation.takes_labels:
        raise Incompatible(
            f"{chosen} needs one class per row, and '{dataset.name}' has {len(dataset.labels)} labels; "
            "use representation=mixup or representation=sam, or class weights: strategy=inv_freq"
        )
    if plan.representation.needs_linear_head and plan.loss.head_scale is not None:
        raise Incompatible(
            f"{chosen} changes the length of output weights and {loss} has an output where it does not count; "
            "use representation=crt, or another loss"
        )
    if plan.representation.second_stage == "scales" and plan.loss.needs_features:
        raise Incompatible(
            f"{chosen} trains scales of the outputs and {loss} goes by the features before them; use representation=crt"
        )


def _check_training(plan: Plan, identity: Identity) -> None:
    """Refuse what needs epochs or validation rows where there are none."""
    names = identity.names
    if plan.sampler_balances_batches and not plan.learner.trains_by_loss:
        raise Incompatible(
            f"sampler={names['sampler']} draws the batches of a network and model={names['model']} has none; "
            "use sampler=ros, or model=mlp"
        )
    if plan.class_weight.weight_start > 0 and not plan.learner.trains_by_loss:
        raise Incompatible(
            f"class_weight={names['class_weight']} waits for a share of the epochs and model={names['model']} has "
            "none; use class_weight=eff_num, or model=mlp"
        )
    if plan.split.validation > 0:
        return
    if plan.decision.needs_validation:
        raise ConfigError(
            f"decision={names['decision']} is fitted on validation rows and split.validation=0; "
            "set split.validation=0.2, or use decision=argmax"
        )
    if plan.stops_early:
        patience = "model.patience=null to train every round"
        if plan.training is not None:
            patience = "training.patience=null to train to the last epoch"
        raise ConfigError(
            f"early stopping watches validation rows and split.validation=0; set split.validation=0.2, or {patience}"
        )


def _check_prior(plan: Plan, identity: Identity) -> None:
    """Refuse decisions that need a prior where the scores carry none."""
    even = np.ones((1, 2))
    train = TrainingSet(np.empty((0, 0)), np.empty((0, 1), int), even, even)
    if not plan.decision.needs_prior or plan.effective_prior(train) is not None:
        return
    names = identity.names
    source = f"loss={names['loss']}" if plan.loss is not None else f"model={names['model']}"
    if plan.loss is not None and plan.learner.effective_prior(train, plan.loss) is not None:
        raise Incompatible(
            f"decision={names['decision']} works on probabilities and the scores after "
            f"representation={names['representation']} are none; use decision=tuned_threshold, or representation=none"
        )
    raise Incompatible(
        f"decision={names['decision']} works on probabilities and the scores of {source} are none; "
        "use decision=tuned_threshold, or loss=cross_entropy"
        + ("" if plan.loss is not None else " with model=mlp or model=logreg")
    )
