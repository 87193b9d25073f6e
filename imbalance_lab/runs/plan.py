"""A configuration turned into the objects of a run, and the pairs that exclude each other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from imbalance_lab.app.config import NULL_OPTIONS
from imbalance_lab.data.base import Splitter
from imbalance_lab.data.dataset import Dataset
from imbalance_lab.data.prepare import Prepare
from imbalance_lab.data.rows import TrainingSet
from imbalance_lab.errors import ConfigError, Incompatible, LabError
from imbalance_lab.evaluation.settings import Evaluation
from imbalance_lab.models.base import Learner
from imbalance_lab.models.own import as_learner
from imbalance_lab.models.training import Training
from imbalance_lab.runs.settings import RunSettings
from imbalance_lab.strategies import losses
from imbalance_lab.strategies.base import Decision, Sampler
from imbalance_lab.strategies.class_weights import ClassWeight
from imbalance_lab.strategies.losses.base import Loss


@dataclass(frozen=True)
class Plan:
    """Everything a run needs but its data. `loss` and `training` are None for models that have their own.

    Parameters
    ----------
    split : Splitter
    prepare : Prepare
    learner : Learner
    sampler : Sampler
    class_weight : ClassWeight
    decision : Decision
    evaluation : Evaluation
    loss : Loss or None
    training : Training or None
    seed : int
    """

    split: Splitter
    prepare: Prepare
    learner: Learner
    sampler: Sampler
    class_weight: ClassWeight
    decision: Decision
    evaluation: Evaluation
    loss: Loss | None
    training: Training | None
    seed: int

    @property
    def sampler_balances_batches(self) -> bool:
        """Whether the sampler leaves the rows alone and shapes a network's batches instead."""
        return getattr(self.sampler, "balanced_batches", False)


def make_plan(config: DictConfig, dataset: Dataset) -> Plan:
    """Instantiate the options of a resolved configuration for `dataset`.

    TensorFlow is loaded only here and only for a network.

    Raises
    ------
    ConfigError
        If an option was given a value it cannot take.
    Incompatible
        If two options exclude each other.
    """
    with startup_chatter_hidden():
        learner = as_learner(build(config, "model"))
    _check_slots(config, learner, dataset)
    groups = ["split", "prepare", "sampler", "class_weight", "decision", "evaluation"]
    groups += ["loss", "training"] if learner.trains_by_loss else []
    parts = {"loss": None, "training": None} | {group: build(config, group) for group in groups}
    if parts["loss"] is not None:
        parts["loss"] = losses.as_loss(parts["loss"])
    plan = Plan(learner=learner, seed=config.seed, **parts)
    if not hasattr(plan.sampler, "fit_resample"):
        raise ConfigError(f"sampler is {type(plan.sampler).__name__}, which has no fit_resample")
    _check_labels(plan, config, dataset)
    _check_training(plan, config)
    _check_prior(plan, config)
    plan.class_weight.check(dataset.class_names, dataset.counts)
    # Settings by class name are shared by all labels, whose sides are called no and yes.
    names = ("no", "yes") if dataset.labels else dataset.class_names
    loss = None if plan.loss is None else plan.loss.for_classes(names)
    return replace(plan, decision=plan.decision.for_classes(names), loss=loss)


def run_settings(config: DictConfig) -> RunSettings:
    """Return the settings that belong to no group.

    Raises
    ------
    ConfigError
        If one of them has a value it cannot take.
    """
    try:
        return RunSettings(**{key: config[key] for key in ("seed", "min_class_rows", "save_model", "resume")})
    except ValidationError as error:
        raise ConfigError("; ".join(_describe("", detail) for detail in error.errors())) from error


def build(config: DictConfig, group: str) -> Any:
    """Instantiate one group, its errors naming the keys to change.

    Raises
    ------
    ConfigError
    """
    target = OmegaConf.select(config, f"{group}._target_", throw_on_missing=False)
    if missing := sorted(OmegaConf.missing_keys(config[group])):
        raise ConfigError(f"{group} needs {', '.join(f'{key}=' for key in missing)}")
    try:
        return instantiate(config[group], _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, LabError):
            raise cause from None
        if isinstance(cause, ValidationError):
            raise ConfigError("; ".join(_describe(group, detail) for detail in cause.errors())) from error
        raise ConfigError(f"{group}: {target} cannot be made: {' '.join(str(cause).split())}") from error


@contextmanager
def startup_chatter_hidden() -> Iterator[None]:
    """Hide what TensorFlow's libraries write to the process's standard error while they are loaded."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _describe(group: str, detail: Any) -> str:
    keys = [str(part) for part in detail["loc"] if not isinstance(part, int) and part not in ("[key]",)]
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        message = "is not one of its settings"
    given = (
        "" if isinstance(detail["input"], dict) or detail["type"] == "value_error" else f" (got {detail['input']!r})"
    )
    return f"{'.'.join([*([group] if group else []), *keys])}: {message}{given}"


def _check_slots(config: DictConfig, learner: Learner, dataset: Dataset) -> None:
    filled = {slot: config.options[slot] for slot, null in NULL_OPTIONS.items() if config.options[slot] != null}
    model = config.options.model
    if "loss" in filled and not learner.trains_by_loss:
        raise Incompatible(
            f"loss={filled['loss']} cannot train model={model}, which has a loss of its own; "
            "use model=mlp or model=linear, or class weights instead: strategy=inv_freq"
        )
    if "class_weight" in filled and not learner.takes_class_weight:
        raise Incompatible(
            f"class_weight={filled['class_weight']} means nothing to model={model}, whose training takes no weights; "
            + ("use another model" if dataset.labels else "use a sampler instead: strategy=ros, or another model")
        )


def _check_labels(plan: Plan, config: DictConfig, dataset: Dataset) -> None:
    if dataset.labels and config.options.sampler != NULL_OPTIONS["sampler"]:
        raise Incompatible(
            f"sampler={config.options.sampler} needs one class per row, and '{dataset.name}' has {len(dataset.labels)} "
            "labels; use class weights instead: strategy=inv_freq weights each label by its own rows (or, where "
            "the model takes no weights, decision=tuned_threshold)"
        )


def _check_training(plan: Plan, config: DictConfig) -> None:
    """Refuse what needs epochs or validation rows where there are none."""
    options = config.options
    if plan.sampler_balances_batches and not plan.learner.trains_by_loss:
        raise Incompatible(
            f"sampler={options.sampler} draws the batches of a network and model={options.model} has none; "
            "use sampler=ros, or model=mlp"
        )
    if plan.class_weight.weight_start > 0 and not plan.learner.trains_by_loss:
        raise Incompatible(
            f"class_weight={options.class_weight} waits for a share of the epochs and model={options.model} has none; "
            "use class_weight=eff_num, or model=mlp"
        )
    if plan.split.validation > 0:
        return
    if plan.decision.needs_validation:
        raise ConfigError(
            f"decision={options.decision} is fitted on validation rows and split.validation=0; "
            "set split.validation=0.2, or use decision=argmax"
        )
    if plan.training is not None and plan.training.patience is not None:
        raise ConfigError(
            "early stopping watches validation rows and split.validation=0; "
            "set split.validation=0.2, or training.patience=null to train to the last epoch"
        )


def _check_prior(plan: Plan, config: DictConfig) -> None:
    """Refuse decisions that need a prior where the scores carry none."""
    even = np.ones((1, 2))
    train = TrainingSet(np.empty((0, 0)), np.empty((0, 1), int), even, even)
    if not plan.decision.needs_prior or plan.learner.effective_prior(train, plan.loss) is not None:
        return
    options = config.options
    source = f"loss={options.loss}" if plan.loss is not None else f"model={options.model}"
    raise Incompatible(
        f"decision={options.decision} works on probabilities and the scores of {source} are none; "
        "use decision=tuned_threshold, or loss=cross_entropy"
        + ("" if plan.loss is not None else " with model=mlp or model=logreg")
    )
