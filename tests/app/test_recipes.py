"""Recipes of one slot, which have no file."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from imbalance_lab import options
from imbalance_lab.app.config import compose
from tests.conftest import invoke

FILES = {"none": [], "cb_focal": ["class_weight=eff_num", "loss=focal"]}
FILES |= {"focal_inv": ["class_weight=inv_freq", "loss=focal"], "ldam_drw": ["class_weight=deferred", "loss=ldam"]}
# What every recipe stood for when each had a file of its own.
BY_RULE = {
    "sampler": "adasyn all_knn balanced_batches borderline_smote cluster_centroids condensed_nn enn instance_hardness "
    "keep_rare kmeans_smote near_miss neighbourhood_cleaning one_sided repeated_enn ros rus smote smote_enn smote_n "
    "smote_nc smote_tomek svm_smote tomek_links",
    "class_weight": "deferred eff_num inv_freq inv_power sqrt_inv",
    "loss": "asymmetric balanced_softmax cost_matrix focal influence_balanced la_loss label_smoothing ldam poly "
    "predicted_weight single_asymmetric vector_scaling",
    "representation": "crt lws max_norm mixup remix sam tau_norm",
    "decision": "budget fixed_threshold logit_adjust max_precision_at_recall max_recall_at_precision min_cost "
    "prior_correction tuned_threshold",
}
RECIPES = FILES | {name: [f"{slot}={name}"] for slot, found in BY_RULE.items() for name in found.split()}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_its_slots(name: str) -> None:
    assert compose([f"strategy={name}"]) == compose(RECIPES[name])


def test_every_option_of_a_slot_is_a_recipe() -> None:
    assert set(options.strategies()) == {*RECIPES, "custom", "by_hand"}
    assert {file.stem for file in (options.CONF / "strategy").glob("*.yaml")} == set(FILES)


def test_slots_can_be_filled_beside_a_recipe() -> None:
    both = compose(["strategy=smote", "loss=focal", "loss.gamma=3"])
    assert both == compose(["sampler=smote", "loss=focal", "loss.gamma=3"])


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / "loss").mkdir(parents=True)
    (folder / "loss" / "steep.yaml").write_text(
        "_target_: imbalance_lab.strategies.losses.focal.Focal\ngamma: 5.0\nalpha: null\n"
    )
    return folder


def shown(capsys: pytest.CaptureFixture[str], *typed: str) -> object:
    assert invoke(*typed, "--cfg", "job", "--package", "loss") == 0
    return OmegaConf.create(capsys.readouterr().out)


def test_options_of_ones_own_folder_are_recipes(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (["--config-dir", str(own)], [f"hydra.searchpath=[file://{own}]"]):
        assert shown(capsys, "strategy=steep", *place).gamma == 5.0
    assert invoke("options", "loss", "--config-dir", str(own)) == 0
    assert "  steep " in capsys.readouterr().out
    assert "did you mean steep?" in invoke("--config-dir", str(own), "strategy=stepe")
    assert "there is no strategy=steep" in invoke("strategy=steep")


def test_a_file_comes_before_the_rule(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "strategy").mkdir()
    (own / "strategy" / "steep.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /loss: steep\nloss:\n  gamma: 9.0\n"
    )
    assert shown(capsys, "strategy=steep", "--config-dir", str(own)).gamma == 9.0


def test_options_of_another_package_are_options(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(options.registry, "folders", lambda: (options.CONF, own))
    assert shown(capsys, "strategy=steep").gamma == 5.0
    assert shown(capsys, "loss=steep").gamma == 5.0
