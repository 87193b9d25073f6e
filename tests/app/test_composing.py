from __future__ import annotations

from functools import partial

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from imbalance_lab.app import composing
from imbalance_lab.options import CONF

JOBS = [
    ["model=logreg", "strategy=smote", "seed=3"],
    ["model=logreg", "strategy=smote", "seed=4"],
    ["loss.gamma=3", "strategy=focal", "model.hidden=[16,8]"],
    ["dataset=synthetic", "dataset.priors={a: 0.5, b: 0.5}", "dataset.rows=100"],
    ["+training.optimizer.momentum=0.9", "training.optimizer._target_=keras.optimizers.SGD"],
    ["seed=2", "+training.optimizer.momentum=0.9", "training.optimizer.momentum=0.5"],
    ["~strategy", "seed=1"],
    ["hydra.sweep.subdir=x", "seed=1"],
    ["seed=1", "nothing=2"],
    ["seed=1,2"],
    ["training.epochs=5", "~training.epochs=5", "training.epochs=5"],
    ["training.optimizer.momentum=0.5", "+training.optimizer.momentum=0.9"],
]


@pytest.fixture
def hydras_own(monkeypatch):
    composing.compose_quickly()
    quick = ConfigLoaderImpl.load_sweep_config
    assert quick.__module__ == "imbalance_lab.app.composing"
    monkeypatch.setattr(composing, "_composed", type(composing._composed)(most=4))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield quick.__closure__[0].cell_contents


def outcome(load, master, job) -> str:
    try:
        return OmegaConf.to_yaml(load(master, job))
    except HydraException as error:
        return repr(error)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job[0])
def test_a_job_is_what_hydra_would_have_composed(job, hydras_own) -> None:
    loader = GlobalHydra.instance().config_loader()
    master = loader.load_configuration("config", ["hydra.job.name=lab", "strategy=none,focal"], RunMode.MULTIRUN)
    for _ in range(2):  # composed, then copied
        expected, found = (
            outcome(load, master, job) for load in (partial(hydras_own, loader), loader.load_sweep_config)
        )
        assert found == expected


def test_a_job_leaves_the_next_one_alone(hydras_own) -> None:
    loader = GlobalHydra.instance().config_loader()
    master = loader.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN)
    first = loader.load_sweep_config(master, ["seed=1", "model.hidden=[8]"])
    first.model.hidden.append(4)
    second = loader.load_sweep_config(master, ["seed=2"])
    assert second.seed == 2
    assert list(second.model.hidden) == [64, 32]
    assert second.hydra.overrides.task == ["seed=2"]


def test_options_on_a_search_path_are_left_to_hydra(hydras_own, tmp_path) -> None:
    for name in ("foo", "bar"):
        file = tmp_path / "extra" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"called: {name}\n")
    loader = GlobalHydra.instance().config_loader()
    master = loader.load_configuration("config", [f"hydra.searchpath=[file://{tmp_path}]"], RunMode.MULTIRUN)
    job = ["+extra=foo", "extra=bar"]
    assert loader.load_sweep_config(master, job).extra == {"called": "bar"}
