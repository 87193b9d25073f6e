"""The same contract for every file in conf/."""

from __future__ import annotations

import inspect
import io
from functools import cache
from pathlib import Path

import pytest
from hydra.utils import get_class, get_object
from omegaconf import DictConfig, OmegaConf
from sklearn.base import BaseEstimator

from imbalance_lab import options
from imbalance_lab.app.border import job_of
from imbalance_lab.app.config import compose
from imbalance_lab.models.base import Learner
from imbalance_lab.options import CONF, SLOTS, groups
from imbalance_lab.strategies.class_weights import ClassWeight
from imbalance_lab.strategies.losses.base import Loss
from imbalance_lab.strategies.representation.base import Representation
from tests.conftest import built

OPTIONS = sorted((file.parent.name, file.stem) for file in CONF.glob("*/*.yaml"))
# What a person must give for options that cannot guess it.
REQUIRED = {
    ("dataset", "csv"): ["dataset.path=a.csv", "dataset.target=y"],
    ("dataset", "on_disk"): ["dataset.path=a.parquet", "dataset.target=y"],
    ("dataset", "imblearn_benchmark"): ["dataset.name=ecoli"],
    ("sampler", "custom"): ["sampler._target_=imblearn.over_sampling.BorderlineSMOTE"],
    ("model", "custom"): ["model.estimator._target_=sklearn.naive_bayes.GaussianNB"],
    ("class_weight", "by_hand"): ["class_weight.weights={A: 2}"],
    ("split", "file"): ["split.part=use"],
    ("split", "group"): ["split.groups=patient"],
    ("split", "group_cv"): ["split.groups=patient"],
    ("split", "time"): ["split.order=date"],
    ("split", "time_cv"): ["split.order=date"],
    ("split", "custom"): ["split.splitter._target_=sklearn.model_selection.KFold"],
    ("decision", "budget"): ["decision.share=0.1"],
    ("decision", "fixed_threshold"): ["decision.threshold=0.2"],
    ("decision", "max_precision_at_recall"): ["decision.recall=0.8"],
    ("decision", "max_recall_at_precision"): ["decision.precision=0.5"],
}
# Settings that a library takes by keyword alone, and that its classifier does not list.
OTHER_NAMES = {"lightgbm.LGBMClassifier": {"deterministic", "force_row_wise"}}
BASES = {"model": Learner, "class_weight": ClassWeight, "loss": Loss, "representation": Representation}
SLOT_METHODS = {
    "dataset": ["load", "title"],
    "sampler": ["fit_resample"],
    "decision": ["fit", "needs_validation", "needs_prior", "for_classes"],
    "split": ["split", "validation"],
    "prepare": ["fit"],
    "stress": ["on", "check"],
    "training": ["epochs", "batch_size", "optimizer"],
    "tracking": ["start", "describe", "epoch", "finish", "abort", "where"],
}


def strategy_of(config) -> str:
    return job_of(config).identity.strategy


def skip_without_its_library(option: str) -> None:
    if option in options.EXTRAS:
        pytest.importorskip(option, reason=f"{option} is not installed: pip install 'imbalance-lab[boosting]'")


@cache
def composed(group: str, option: str) -> DictConfig:
    return compose([f"{group}={option}", *REQUIRED.get((group, option), [])])


def nodes_with_target(node: object) -> list[DictConfig]:
    if not OmegaConf.is_config(node):
        return []
    children = [node._get_node(key) for key in (node if OmegaConf.is_dict(node) else range(len(node)))]
    inner = [found for child in children for found in nodes_with_target(child)]
    return [node, *inner] if OmegaConf.is_dict(node) and "_target_" in node else inner


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_instantiates(group: str, option: str) -> None:
    skip_without_its_library(option)
    config = composed(group, option)
    if group == "strategy":
        filled = [slot for slot, null in SLOTS.items() if config.options[slot] != null]
        assert (strategy_of(config) == "none") == (not filled)
        return
    made = built(config, group)
    assert isinstance(made, BASES.get(group, object))
    assert [name for name in SLOT_METHODS.get(group, []) if not hasattr(made, name)] == []


@pytest.mark.parametrize(("group", "option"), [o for o in OPTIONS if o[0] != "strategy"])
def test_keys_match_the_signature_of_the_target(group: str, option: str) -> None:
    skip_without_its_library(option)
    for node in nodes_with_target(composed(group, option)[group]):
        target = get_object(node._target_)
        accepted = set(inspect.signature(target).parameters)
        if "kwargs" in accepted and hasattr(target, "get_params"):  # of which scikit-learn's interface knows the names
            accepted |= set(target().get_params()) | OTHER_NAMES.get(node._target_, set())
        given = {str(key) for key in node} - {"_target_", "_partial_", options.SEARCH}
        assert given <= accepted, f"{node._target_} does not take {given - accepted}"


def test_every_group_of_the_defaults_has_a_folder_and_the_other_way_round() -> None:
    defaults = OmegaConf.load(CONF / "config.yaml").defaults
    named = {key for entry in defaults if OmegaConf.is_dict(entry) for key in entry if not key.startswith("override")}
    assert named == set(groups())


def test_recipes_are_named_after_their_slots() -> None:
    assert strategy_of(compose(["strategy=none"])) == "none"
    assert strategy_of(compose(["strategy=smote", "loss=focal", "class_weight=sqrt_inv"])) == "smote+sqrt_inv+focal"
    assert strategy_of(compose(["strategy=focal", "loss.gamma=3"])) == "focal(gamma=3)"
    custom = ["sampler=custom", "sampler._target_=imblearn.over_sampling.BorderlineSMOTE"]
    assert strategy_of(compose(custom)) == "BorderlineSMOTE"


def test_recipe_names_are_unique_in_the_ten_characters_the_ui_shows() -> None:
    by_slots = [strategy_of(composed("strategy", option)) for group, option in OPTIONS if group == "strategy"]
    by_rule = set(options.strategies()) - {option for group, option in OPTIONS if group == "strategy"}
    shown = [name[:10] for name in (*by_slots, *by_rule)]
    assert sorted(shown) == sorted(set(shown))


def test_an_option_of_ones_own_folder_composes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own" / "loss"
    own.mkdir(parents=True)
    (own / "steep.yaml").write_text("_target_: imbalance_lab.strategies.losses.focal.Focal\ngamma: 5.0\n")
    from tests.conftest import invoke

    assert invoke("--config-dir", str(tmp_path / "own"), "loss=steep", "--cfg", "job", "--package", "loss") == 0
    assert OmegaConf.load(io.StringIO(capsys.readouterr().out)).gamma == 5.0


def test_classes_of_options_are_frozen() -> None:
    for group, option in OPTIONS:
        if group in ("strategy", "tracking"):
            continue
        for node in nodes_with_target(composed(group, option)[group]):
            if node._target_.startswith("imbalance_lab.") and not issubclass(get_class(node._target_), BaseEstimator):
                assert get_class(node._target_).__dataclass_params__.frozen, node._target_
