"""Downloads, on cached copies laid down here: the same files, in the same places, as the real ones."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from imbalance_lab.data.sources.online import IMBLEARN_SETS, ImblearnBenchmark, OpenML
from imbalance_lab.errors import ConfigError, DataError
from tests.conftest import invoke

ARFF = """@relation tiny
@attribute size numeric
@attribute colour {red,green}
@attribute label {bad,good}
@data
""" + "".join(f"{3 * i},{'red' if i % 2 else 'green'},{'bad' if i % 10 == 0 else 'good'}\n" for i in range(60))


def lay_down_openml(home: Path) -> None:
    """Write the answers of OpenML's server for data set 4242, named 'tiny'."""
    url = "https://api.openml.org/data/v1/download/1/tiny.arff"
    description = {
        "id": "4242", "name": "tiny", "version": "1", "format": "ARFF", "status": "active", "url": url,
        "description": "made up", "md5_checksum": hashlib.md5(ARFF.encode()).hexdigest(),
    }  # fmt: skip
    kinds = {"size": "numeric", "colour": "nominal", "label": "nominal"}
    features = [
        {"index": str(i), "name": name, "data_type": kind, "is_target": str(name == "label").lower(),
         "is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
        for i, (name, kind) in enumerate(kinds.items())
    ]  # fmt: skip
    answers = {
        "api/v1/json/data/4242": json.dumps({"data_set_description": description}),
        "api/v1/json/data/features/4242": json.dumps({"data_features": {"feature": features}}),
        "api/v1/json/data/qualities/4242": json.dumps(
            {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "60"}]}}
        ),
        "api/v1/json/data/list/data_name/tiny/limit/2/status/active/": json.dumps(
            {"data": {"dataset": [{"did": 4242, "name": "tiny", "version": 1, "status": "active"}]}}
        ),
        "data/v1/download/1/tiny.arff": ARFF,
    }
    for path, text in answers.items():
        file = home / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(text.encode()))


def lay_down_benchmark(home: Path) -> None:
    """Write the first of the 27 sets as imbalanced-learn unpacks it."""
    folder = home / "zenodo"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    np.savez(folder / "x1data.npz", data=rng.normal(size=(60, 4)), label=np.r_[np.full(54, -1), np.ones(6, int)])


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", refuse)
    monkeypatch.setattr("imblearn.datasets._zenodo.urlopen", refuse)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("which", [{"id": 4242}, {"name": "tiny"}])
def test_openml_from_the_cache(which: dict, tmp_path: Path) -> None:
    lay_down_openml(tmp_path)
    data = OpenML(**which, cache=str(tmp_path)).load()
    assert data.name == ("tiny" if "name" in which else "openml_4242")
    assert data.class_names == ("good", "bad")
    assert data.counts.tolist() == [54, 6]
    assert data.kinds == {"size": "numeric", "colour": "categorical"}


@pytest.mark.usefixtures("no_network")
def test_openml_with_another_target(tmp_path: Path) -> None:
    lay_down_openml(tmp_path)
    data = OpenML(id=4242, target="colour", cache=str(tmp_path)).load()
    assert set(data.class_names) == {"red", "green"}


@pytest.mark.usefixtures("no_network")
def test_the_benchmark_from_the_cache(tmp_path: Path) -> None:
    lay_down_benchmark(tmp_path)
    data = ImblearnBenchmark("ecoli", cache=str(tmp_path)).load()
    assert (data.name, data.class_names, data.counts.tolist()) == ("ecoli", ("negative", "positive"), [54, 6])


@pytest.mark.filterwarnings("ignore:A network error occurred")
@pytest.mark.usefixtures("no_network")
def test_without_network_or_cache_the_error_says_so(tmp_path: Path) -> None:
    for source in (ImblearnBenchmark("oil", cache=str(tmp_path)), OpenML(id=7, cache=str(tmp_path))):
        with pytest.raises(DataError, match=r"could not be loaded \(it is downloaded the first time\): .*no network"):
            source.load()


def test_names_are_those_of_imbalanced_learn() -> None:
    from imblearn.datasets._zenodo import MAP_NAME_ID

    assert set(IMBLEARN_SETS) == set(MAP_NAME_ID)
    with pytest.raises(ConfigError, match="no benchmark set 'eecoli'"):
        ImblearnBenchmark("eecoli")


def test_one_of_name_and_id() -> None:
    with pytest.raises(ConfigError, match=r"dataset\.name="):
        OpenML().load()


@pytest.mark.usefixtures("no_network")
def test_a_run_on_cached_copies(tmp_path: Path) -> None:
    lay_down_openml(tmp_path / "cache")
    lay_down_benchmark(tmp_path / "cache")
    for which in (["dataset=openml", "dataset.id=4242"], ["dataset=imblearn_benchmark", "dataset.name=ecoli"]):
        typed = [*which, f"dataset.cache={tmp_path / 'cache'}", "tracking=none", "model=logreg", "strategy=inv_freq"]
        assert invoke(*typed) == 0


def test_the_table_of_datasets_names_them_all(capsys: pytest.CaptureFixture[str], monkeypatch, tmp_path) -> None:
    from imbalance_lab.app.datasets import main

    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "empty"))
    main([])
    shown = capsys.readouterr().out
    for expected in ("four_classes", "rare_binary", "digits_lt", "yeast", "abalone19", "mammography", "openml", "csv"):
        assert expected in shown
    row = next(line for line in shown.splitlines() if line.startswith("|four_classes"))
    assert [cell.strip() for cell in row.split("|")[3:8]] == ["1616", "10", "4", "A (198)", "3.6"]
