from __future__ import annotations

import pickle

import pytest
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus, run_job
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import ReadonlyConfigError

from imbalance_lab import process
from imbalance_lab.app import composing, recipes
from imbalance_lab.app.config import compose, resolved
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
def loaders(monkeypatch):
    """Hydra's own loader, and ours as a sweep gets it."""
    monkeypatch.setattr(process._sessions, "caches", {})
    recipes.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        hydras = GlobalHydra.instance().config_loader()
        composing.compose_quickly(hydras.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN))
        yield hydras, GlobalHydra.instance().config_loader()


def outcome(loader, master, job) -> str:
    try:
        return OmegaConf.to_yaml(loader.load_sweep_config(master, job))
    except HydraException as error:
        return repr(error)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job[0])
def test_a_job_is_what_hydra_would_have_composed(job, loaders) -> None:
    hydras, quick = loaders
    master = hydras.load_configuration("config", ["hydra.job.name=lab", "strategy=none,focal"], RunMode.MULTIRUN)
    for _ in range(2):  # composed, then copied
        assert outcome(quick, master, job) == outcome(hydras, master, job)


@pytest.mark.parametrize("job", [*JOBS, ["seed"], ["a=b=c", "=3"]], ids=" ".join)
def test_a_run_is_what_hydra_would_have_composed(job, monkeypatch) -> None:
    def composed():
        try:
            return {**compose(job), "output_dir": "."}
        except HydraException as error:
            return str(error)

    monkeypatch.setattr(process._sessions, "caches", None)
    expected = composed()
    monkeypatch.setattr(process._sessions, "caches", {})
    assert [composed(), composed()] == [expected, expected]


def test_a_job_leaves_the_next_one_alone(loaders) -> None:
    _, quick = loaders
    master = quick.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN)
    first = quick.load_sweep_config(master, ["seed=1", "model.hidden=[8]"])
    first.model.hidden.append(4)
    second = quick.load_sweep_config(master, ["seed=2"])
    assert second.seed == 2
    assert list(second.model.hidden) == [64, 32]
    assert second.hydra.overrides.task == ["seed=2"]


def test_hydra_composes_a_choice_of_options_once(loaders, monkeypatch) -> None:
    hydras, quick = loaders
    composed = []
    own = hydras.load_sweep_config
    monkeypatch.setattr(hydras, "load_sweep_config", lambda *given: composed.append(given[1]) or own(*given))
    master = quick.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN)
    for job in (["strategy=smote", "seed=1"], ["strategy=smote", "seed=2"], ["strategy=ros", "seed=1"]):
        quick.load_sweep_config(master, job)
    assert composed == [["strategy=smote"], ["strategy=ros"]]


def test_options_are_one_choice_in_whatever_order_they_were_typed(loaders, monkeypatch) -> None:
    hydras, quick = loaders
    composed = []
    own = hydras.load_sweep_config
    monkeypatch.setattr(hydras, "load_sweep_config", lambda *given: composed.append(given[1]) or own(*given))
    made = [quick.load_job(job) for job in (["strategy=smote", "model=logreg"], ["model=logreg", "strategy=smote"])]
    assert len(composed) == 1
    assert made[0].model == made[1].model
    assert made[0].hydra.overrides.task == ["strategy=smote", "model=logreg"] == made[1].hydra.overrides.task[::-1]


def test_a_worker_composes_alike(loaders) -> None:
    _, quick = loaders
    master = quick.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN)
    sent = pickle.loads(pickle.dumps(quick))
    assert isinstance(sent, composing.QuickLoader)
    assert outcome(sent, master, ["strategy=focal", "seed=2"]) == outcome(quick, master, ["strategy=focal", "seed=2"])


def test_what_bytes_do_not_carry_is_copied_all_the_same(loaders, monkeypatch) -> None:
    """As in a worker, whose schemas are of classes that have been loaded anew."""
    from hydra._internal.core_plugins import basic_sweeper

    hydras, quick = loaders
    master = quick.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN)
    expected = [outcome(hydras, master, [f"seed={seed}", "model.hidden=[8]"]) for seed in (1, 2)]
    monkeypatch.setattr(basic_sweeper, "BasicSweeperConf", type("BasicSweeperConf", (), {}))
    first = quick.load_sweep_config(master, ["seed=1", "model.hidden=[8]"])
    assert OmegaConf.to_yaml(first) == expected[0]
    first.model.hidden.append(4)
    assert outcome(quick, master, ["seed=2", "model.hidden=[8]"]) == expected[1]


def test_a_job_is_completed_as_hydra_does_it(loaders, tmp_path, monkeypatch) -> None:
    _, quick = loaders
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    context = HydraContext(config_loader=quick, callbacks=Callbacks())
    master = quick.load_configuration("config", ["seed=1,2", "hydra.sweep.dir=here"], RunMode.MULTIRUN)
    job = ["seed=2", "hydra.sweep.subdir=${seed}-${hydra.job.num}"]
    seen = []

    def note(task) -> None:
        seen.append((resolved(task), OmegaConf.to_container(HydraConfig.get())))

    config = quick.load_sweep_config(master, job)
    with open_dict(config):
        config.hydra.job.id, config.hydra.job.num = "7", 7
    ended = run_job(note, config, "hydra.sweep.dir", "hydra.sweep.subdir", context, configure_logging=False)
    assert ended.status == JobStatus.COMPLETED, ended._return_value
    note(composing.compose_job(context, master, 7, job))
    assert seen[0] == seen[1]
    assert seen[1][0]["output_dir"] == str(tmp_path / "here" / "2-7")
    assert (tmp_path / "here" / "2-7").is_dir()
    with pytest.raises(ReadonlyConfigError):
        HydraConfig.get().job.num = 8


@pytest.mark.parametrize(
    "job", [["seed=2"], ["output_dir=x", "seed=${evaluation.resamples}"], ["evaluation.costs=???"]]
)
def test_a_job_is_resolved_as_omegaconf_does_it(job, loaders, tmp_path, monkeypatch) -> None:
    _, quick = loaders
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    context = HydraContext(config_loader=quick, callbacks=Callbacks())
    master = quick.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN)
    config = composing.compose_job(context, master, 0, job)
    own = {key: config[key] for key in config if key != "hydra"}
    expected = {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in own.items()
    }
    assert resolved(config) == expected


def test_it_answers_what_hydras_loader_answers(loaders) -> None:
    hydras, quick = loaders
    assert quick.get_sources() == hydras.get_sources()
    assert quick.get_search_path() is hydras.get_search_path()
    assert quick.list_groups("hydra") == hydras.list_groups("hydra") != []
    assert quick.get_group_options("loss") == hydras.get_group_options("loss") != []
    defaults = [one.compute_defaults_list("config", ["loss=focal"], RunMode.RUN).defaults for one in loaders]
    assert defaults[0] == defaults[1] != []


def test_options_on_a_search_path_are_left_to_hydra(loaders, tmp_path) -> None:
    _, quick = loaders
    for name in ("foo", "bar"):
        file = tmp_path / "extra" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"name: {name}\n")
    master = quick.load_configuration("config", [f"hydra.searchpath=[file://{tmp_path}]"], RunMode.MULTIRUN)
    assert quick.load_sweep_config(master, ["+extra=foo", "extra=bar"]).extra == {"name": "bar"}
